import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { devSettings } from "../../dev/settings.ts";
import { GatewayClient, ProcessorClient } from "./client.ts";
import { CHILD_NAMES, freePorts, isAlive, spawnStand, startStand, type Stand } from "./stand.ts";
import { until } from "./until.ts";

const TEST_MS_MAX = 30_000;
const GONE_MS_MAX = 8_000;

async function untilGone(stand: Stand): Promise<void> {
  const pids = stand.allPids();
  expect(pids.length).toBeGreaterThanOrEqual(1 + CHILD_NAMES.length);
  await until("every process is gone", GONE_MS_MAX, () => !pids.some(isAlive));
}

/** As a reader copies it: the whole line, into a shell. */
async function shell(command: string): Promise<string> {
  const child = Bun.spawn(["sh", "-c", command], { stdout: "pipe", stderr: "pipe" });
  const [output, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${command}\n${error}`);
  return output;
}

async function pay(stand: Stand, count: number): Promise<void> {
  const gateway = new GatewayClient(stand.gatewayUrl);
  const ids = Array.from({ length: count }, () => crypto.randomUUID());
  for (const [i, id] of ids.entries()) expect(await gateway.pay(id, 100 + i)).toBe(202);
  await until("all are settled", GONE_MS_MAX, async () => {
    const each = await Promise.all(ids.map((id) => gateway.statusOf(id)));
    return each.every((status) => status !== "missing" && status.status === "settled");
  });
}

test(
  "it comes up, and the commands that it prints work as they are printed",
  async () => {
    await using stand = await startStand();
    const commands = stand.lines
      .map((line) => line.trim())
      .filter((line) => line.startsWith("curl "));
    expect(commands).toHaveLength(3);
    const [post, summary, breakDefault] = commands as [string, string, string];
    const gateway = new GatewayClient(stand.gatewayUrl);

    expect(await shell(post)).toMatch(/^HTTP\/1\.1 202 /);
    expect(await shell(post)).toMatch(/^HTTP\/1\.1 202 /);
    await until(
      "it is settled",
      5_000,
      async () => (await gateway.summary(null))["default"]!.count > 0,
    );
    expect(JSON.parse(await shell(summary))).toEqual({
      default: { totalRequests: 1, totalAmount: 19.9 },
      fallback: { totalRequests: 0, totalAmount: 0 },
    });
    expect(JSON.parse(await shell(breakDefault))).toEqual({
      config: "failure",
      was: false,
      is: true,
    });
    // What is printed once is printed once.
    expect(stand.lines.filter((line) => line.includes("curl ")).length).toBe(3);
  },
  TEST_MS_MAX,
);

test(
  "what was paid is there in the next run",
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "papa-leguas-dev-"));
    try {
      const summaryOf = (stand: Stand) => new GatewayClient(stand.gatewayUrl).summary(null);
      const first = await startStand({ dataDir });
      await pay(first, 25);
      const before = await summaryOf(first);
      expect(before["default"]!.count).toBe(25);
      expect(await first.stop()).toBe(0);

      await using second = await startStand({ dataDir });
      expect(await summaryOf(second)).toEqual(before);
      await pay(second, 1);
      expect((await summaryOf(second))["default"]!.count).toBe(26);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  },
  TEST_MS_MAX,
);

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s stops everything",
  async (signal) => {
    await using stand = await startStand();
    await pay(stand, 3);
    stand.signal(signal);
    // As a terminal and the program that runs the script both hand on one Ctrl-C.
    stand.signal(signal);
    expect(await stand.exited).toBe(0);
    expect(stand.allPids().filter(isAlive)).toEqual([]);
    expect(stand.lines.filter((line) => line.includes('"msg":"drained"')).length).toBe(5);
  },
  TEST_MS_MAX,
);

test(
  "no process survives when dev itself is killed",
  async () => {
    await using stand = await startStand();
    stand.signal("SIGKILL");
    await untilGone(stand);
  },
  TEST_MS_MAX,
);

test(
  "a child that is killed is started again, and payments go on",
  async () => {
    await using stand = await startStand();
    const gateway = new GatewayClient(stand.gatewayUrl);
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
      await until("it is ready again", 5_000, () => gateway.isReady());
    }
    await until("a payment is taken", 5_000, async () => {
      return (await gateway.pay(crypto.randomUUID(), 100)) === 202;
    });
    stand.signal("SIGINT");
    expect(await stand.exited).toBe(0);
    expect(stand.allPids().filter(isAlive)).toEqual([]);
  },
  TEST_MS_MAX,
);

test.each([
  ["DEFAULT_PORT", "tcp", "the simulated processor default"],
  ["FALLBACK_PORT", "tcp", "the simulated processor fallback"],
  ["PORT", "tcp", "the APIs"],
  ["HTTP_PORT", "tcp", "the worker's HTTP"],
  ["LINK_PORT", "udp", "the worker's link"],
  ["DASHBOARD_PORT", "tcp", "the dashboard with game day"],
] as const)("%s that is taken is one line and exit 1", async (name, protocol, purpose) => {
  const ports = await freePorts();
  const hostname = "127.0.0.1";
  const port = ports[name];
  using taken =
    protocol === "tcp"
      ? // As another gateway's API holds it: sharing would be possible, and is not wanted.
        releasing(Bun.serve({ hostname, port, reusePort: true, fetch: () => new Response() }))
      : closing(await Bun.udpSocket({ hostname, port }));
  await using stand = await spawnStand({ ports });
  expect(taken).toBeDefined();
  expect(await stand.exited).toBe(1);
  expect(stand.errors).toEqual([
    `port ${port}/${protocol} is taken: it is wanted for ${purpose} (${name} sets another)`,
  ]);
  expect(stand.lines).toEqual([]);
});

test("a child that cannot start ends everything with one line of dev's and exit 1", async () => {
  await using stand = await spawnStand({ env: { PATIENCE_MS: "soon" } });
  expect(await stand.exited).toBe(1);
  expect(stand.errors).toEqual(["worker ended with code 1 before it was ready"]);
  expect(stand.lines.filter((line) => line.startsWith("worker "))[1]).toContain("PATIENCE_MS");
  expect(stand.allPids().filter(isAlive)).toEqual([]);
});

test(
  "a proxy in the environment is left aside",
  async () => {
    const env = { http_proxy: "http://127.0.0.1:1", HTTPS_PROXY: "http://127.0.0.1:1" };
    await using stand = await startStand({ env });
    await pay(stand, 1);
    const recorded = await new ProcessorClient("default", stand.defaultUrl).payments();
    expect(recorded).toHaveLength(1);
    expect(stand.lines.filter((line) => line.includes("curl --noproxy")).length).toBe(3);
  },
  TEST_MS_MAX,
);

test("two settings with one port are told apart before anything starts", async () => {
  const ports = await freePorts();
  await using stand = await spawnStand({ ports: { ...ports, HTTP_PORT: ports.PORT } });
  expect(await stand.exited).toBe(1);
  expect(stand.errors).toEqual([`PORT and HTTP_PORT are both ${ports.PORT}: each needs its own`]);
});

test("--help shows every setting", async () => {
  const dev = join(import.meta.dir, "../../dev.ts");
  const text = await Bun.spawn([process.execPath, dev, "--help"], { stdout: "pipe" }).stdout.text();
  for (const name of Object.keys(devSettings)) expect(text).toContain(name);
});

function releasing(server: Bun.Server<undefined>): Disposable {
  return { [Symbol.dispose]: () => void server.stop(true) };
}

function closing(socket: { close(): void }): Disposable {
  return { [Symbol.dispose]: () => socket.close() };
}
