import { expect, test } from "bun:test";
import { devSettings } from "../../dev/settings.ts";
import { isAlive } from "../../testing/proc.ts";
import {
  CHILD_NAMES,
  freeStandPorts,
  spawnStand,
  startStand,
  type Stand,
} from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";
import { run } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";

async function untilGone(stand: Stand): Promise<void> {
  const pids = stand.allPids();
  expect(pids.length).toBeGreaterThanOrEqual(1 + CHILD_NAMES.length);
  await until("every process is gone", () => !pids.some(isAlive));
}

/** Runs a command as a reader copies it: the whole line, into a shell. */
async function shell(command: string): Promise<string> {
  const { code, out, err } = await run(["sh", "-c", command]);
  if (code !== 0) throw new Error(`${command}\n${err}`);
  return out;
}

async function pay(stand: Stand, count: number): Promise<void> {
  const gateway = stand.gateway;
  const ids = Array.from({ length: count }, () => crypto.randomUUID());
  for (const [i, id] of ids.entries()) expect(await gateway.pay(id, 100 + i)).toBe(202);
  await until("all are settled", () => gateway.areSettled(ids));
}

test("it comes up, and the commands that it prints work as they are printed", async () => {
  await using stand = await startStand();
  const commands = stand.lines
    .map((line) => line.trim())
    .filter((line) => line.startsWith("curl "));
  expect(commands).toHaveLength(3);
  const [post, summary, breakDefault] = commands as [string, string, string];
  const gateway = stand.gateway;

  expect(await shell(post)).toMatch(/^HTTP\/1\.1 202 /);
  expect(await shell(post)).toMatch(/^HTTP\/1\.1 202 /);
  await until("it is settled", async () => (await gateway.summary(null))["default"]!.count > 0);
  expect(JSON.parse(await shell(summary))).toEqual({
    default: { totalRequests: 1, totalAmount: 19.9 },
    fallback: { totalRequests: 0, totalAmount: 0 },
  });
  expect(JSON.parse(await shell(breakDefault))).toEqual({
    config: "failure",
    was: false,
    is: true,
  });
  // A line that was printed once is printed once.
  expect(stand.lines.filter((line) => line.includes("curl ")).length).toBe(3);
});

test("what was paid is there in the next run", async () => {
  using directory = temporaryDirectory();
  const dataDir = directory.path;
  const first = await startStand({ dataDir });
  await pay(first, 25);
  const before = await first.gateway.summary(null);
  expect(before["default"]!.count).toBe(25);
  expect((await first.stop()).code).toBe(0);

  await using second = await startStand({ dataDir });
  expect(await second.gateway.summary(null)).toEqual(before);
  await pay(second, 1);
  expect((await second.gateway.summary(null))["default"]!.count).toBe(26);
});

test.each(["SIGINT", "SIGTERM"] as const)("%s stops everything", async (signal) => {
  await using stand = await startStand();
  await pay(stand, 3);
  stand.signal(signal);
  // A terminal and the program that runs the script both hand on one Ctrl-C.
  stand.signal(signal);
  expect((await stand.ended).code).toBe(0);
  expect(stand.allPids().filter(isAlive)).toEqual([]);
  expect(stand.lines.filter((line) => line.includes('"msg":"drained"')).length).toBe(5);
});

test("no process survives when dev itself is killed", async () => {
  await using stand = await startStand();
  stand.signal("SIGKILL");
  await untilGone(stand);
});

test("a child that is killed is started again, and payments go on", async () => {
  await using stand = await startStand();
  const gateway = stand.gateway;
  for (const name of ["worker", "api-1", "fallback"] as const) {
    const pid = stand.pidOf(name);
    const linesBefore = stand.lines.length;
    process.kill(pid, "SIGKILL");
    await stand.untilLine((line) => line.includes(`| started, pid `), linesBefore);
    const said = stand.lines.slice(linesBefore).filter((line) => line.startsWith("dev "));
    expect(said).toEqual([
      `dev      | ${name} was ended by SIGKILL; it is started again in 100 ms`,
    ]);
    expect(stand.pidOf(name)).not.toBe(pid);
    await until("it is ready again", () => gateway.isReady());
  }
  await until("a payment is taken", async () => {
    return (await gateway.pay(crypto.randomUUID(), 100)) === 202;
  });
  stand.signal("SIGINT");
  expect((await stand.ended).code).toBe(0);
  expect(stand.allPids().filter(isAlive)).toEqual([]);
});

test.each([
  ["DEFAULT_PORT", "tcp", "the simulated processor default"],
  ["FALLBACK_PORT", "tcp", "the simulated processor fallback"],
  ["PORT", "tcp", "the APIs"],
  ["HTTP_PORT", "tcp", "the worker's HTTP"],
  ["LINK_PORT", "udp", "the worker's link"],
  ["DASHBOARD_PORT", "tcp", "the dashboard with game day"],
] as const)("%s that is taken is one line and exit 1", async (name, protocol, purpose) => {
  const ports = await freeStandPorts();
  const hostname = "127.0.0.1";
  const port = ports[name];
  using taken =
    protocol === "tcp"
      ? // Another gateway's API holds it so: sharing would be possible, and is not wanted.
        releasing(Bun.serve({ hostname, port, reusePort: true, fetch: () => new Response() }))
      : closing(await Bun.udpSocket({ hostname, port }));
  await using stand = await spawnStand({ ports });
  expect(taken).toBeDefined();
  expect((await stand.ended).code).toBe(1);
  expect(stand.errors).toEqual([
    `port ${port}/${protocol} is taken: it is wanted for ${purpose} (${name} sets another)`,
  ]);
  expect(stand.lines).toEqual([]);
});

test("a child that cannot start ends everything with one line of dev's and exit 1", async () => {
  await using stand = await spawnStand({ env: { PATIENCE_MS: "soon" } });
  expect((await stand.ended).code).toBe(1);
  expect(stand.errors).toEqual(["worker ended with code 1 before it was ready"]);
  expect(stand.lines.filter((line) => line.startsWith("worker "))[1]).toContain("PATIENCE_MS");
  expect(stand.allPids().filter(isAlive)).toEqual([]);
});

test("a proxy in the environment is left aside", async () => {
  const env = { http_proxy: "http://127.0.0.1:1", HTTPS_PROXY: "http://127.0.0.1:1" };
  await using stand = await startStand({ env });
  await pay(stand, 1);
  const recorded = await stand.preferred.payments();
  expect(recorded).toHaveLength(1);
  expect(stand.lines.filter((line) => line.includes("curl --noproxy")).length).toBe(3);
});

test("two settings with one port are told apart before anything starts", async () => {
  const ports = await freeStandPorts();
  await using stand = await spawnStand({ ports: { ...ports, HTTP_PORT: ports.PORT } });
  expect((await stand.ended).code).toBe(1);
  expect(stand.errors).toEqual([`PORT and HTTP_PORT are both ${ports.PORT}: each needs its own`]);
});

test("--help shows every setting", async () => {
  const { out } = await run(fromSource("dev.ts", "--help"));
  for (const name of Object.keys(devSettings)) expect(out).toContain(name);
});

function releasing(server: Bun.Server<undefined>): Disposable {
  return { [Symbol.dispose]: () => void server.stop(true) };
}

function closing(socket: { close(): void }): Disposable {
  return { [Symbol.dispose]: () => socket.close() };
}
