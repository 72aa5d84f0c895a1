/** Restarts with other addresses of the processors, with real processes: nothing is charged twice. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { startSimulator, type Simulator } from "../../simulator/server.ts";
import { temporaryDirectory } from "../../worker/journal/journal.fixture.ts";
import { GatewayClient, ProcessorClient } from "./client.ts";
import { freePorts, type Ports } from "./stand.ts";
import { until } from "./until.ts";

const ROOT = resolve(import.meta.dir, "../..");
const TOKEN = "a token of the test";
const TEST_MS_MAX = 60_000;
/** Longer than a health call, a trial or the first repetitions of a look would take. */
const WATCHED_MS = 3_000;

const directory = temporaryDirectory();
let ports: Ports;
let simulators: readonly Simulator[];
let api: Bun.Subprocess;
let worker: Bun.Subprocess<"ignore", "pipe", "inherit"> | null = null;

function spawn(entry: string, args: string[], env: Record<string, string>) {
  return Bun.spawn([process.execPath, join(ROOT, entry), ...args], {
    env: { PATH: process.env["PATH"] ?? "", ADMIN_TOKEN: TOKEN, USER: "ana", ...env },
    stdout: "pipe",
    stderr: "inherit",
  });
}

function environment(urls: readonly string[]): Record<string, string> {
  const [first, second] = urls;
  return {
    PROCESSORS: `default=${first};fee=0.05,fallback=${second};fee=0.15`,
    JOURNAL: `sqlite:${directory.file()}`,
    PROCESSOR_TIMEOUT_MS: "300",
    LINK_PORT: String(ports.LINK_PORT),
    HTTP_PORT: String(ports.HTTP_PORT),
  };
}

/** Kills the worker as a crash does, and starts another one with these addresses. */
async function restart(urls: readonly string[]): Promise<void> {
  worker?.kill("SIGKILL");
  await worker?.exited;
  worker = spawn("worker.ts", [], environment(urls)) as typeof worker;
  const own = new GatewayClient(`http://127.0.0.1:${ports.HTTP_PORT}`);
  await until("the worker is ready", 20_000, () => own.isReady().catch(() => false));
  await until("the gateway is ready", 20_000, () =>
    gateway()
      .isReady()
      .catch(() => false),
  );
}

async function run(...args: string[]) {
  const child = spawn(
    "worker.ts",
    args,
    environment(args.includes("doctor") ? turned() : straight()),
  );
  return { out: await child.stdout.text(), code: await child.exited };
}

const straight = () => simulators.map(({ url }) => url);
const turned = () => straight().toReversed();
const gateway = () => new GatewayClient(`http://127.0.0.1:${ports.PORT}`);
const clients = () => simulators.map(({ name, url }) => new ProcessorClient(name, url));
const chargesOf = async () =>
  Promise.all(
    clients().map(async (client) => (await client.payments()).map((one) => one.correlationId)),
  );

beforeAll(async () => {
  ports = await freePorts();
  const host = "127.0.0.1";
  simulators = ["default", "fallback"].map((name) =>
    startSimulator({ name, fee: 0.05, host, port: 0 }),
  );
  api = spawn("api.ts", [], {
    HOST: host,
    PORT: String(ports.PORT),
    WORKER_LINK: `${host}:${ports.LINK_PORT}`,
    WORKER_HTTP: `http://${host}:${ports.HTTP_PORT}`,
  });
  await restart(straight());
}, TEST_MS_MAX);

afterAll(async () => {
  for (const child of [worker, api]) child?.kill("SIGKILL");
  await Promise.all([worker?.exited, api?.exited, ...simulators.map((one) => one.stop())]);
  directory[Symbol.dispose]();
});

test(
  "addresses exchanged while payments are unknown: nothing goes anywhere, until it is taken back",
  async () => {
    const [preferred, dearer] = clients() as [ProcessorClient, ProcessorClient];
    // Everything is charged, and nothing of that is heard.
    await preferred.setFaults({ hangAll: true, hangInserts: true });
    await dearer.setFaults({ hangAll: true, hangInserts: true });
    const ids = Array.from({ length: 8 }, () => crypto.randomUUID());
    for (const id of ids) expect(await gateway().pay(id, 1_990)).toBe(202);
    await until("they are unknown", 10_000, async () => {
      const found = await Promise.all(ids.map((id) => gateway().statusOf(id)));
      return found.some((one) => one !== "missing" && one.status === "unknown");
    });
    await restart(turned());
    await preferred.heal();
    await dearer.heal();
    const charged = (await chargesOf()).flat();
    const meanwhile = crypto.randomUUID();
    expect(await gateway().pay(meanwhile, 700)).toBe(202);
    await Bun.sleep(WATCHED_MS);
    expect((await chargesOf()).flat()).toEqual(charged);
    expect(await gateway().statusOf(meanwhile)).toMatchObject({ status: "accepted" });
    const live = await fetch(`${gateway().url}/dashboard/live?once`);
    const { lanes } = (await live.json()) as { lanes: { moved: boolean }[] };
    expect(lanes.map(({ moved }) => moved)).toEqual([true, true]);
    const doctor = await run("doctor");
    expect(doctor.code).toBe(1);
    expect(doctor.out).toMatch(/wrong +address of default +\S+, and before \S+, with \d+ open/);

    await restart(straight());
    await until("all are settled", 20_000, async () => {
      const found = await Promise.all([...ids, meanwhile].map((id) => gateway().statusOf(id)));
      return found.every((one) => one !== "missing" && one.status === "settled");
    });
    const all = (await chargesOf()).flat();
    expect(all.toSorted()).toEqual([...ids, meanwhile].toSorted());
  },
  TEST_MS_MAX,
);

test(
  "a processor that has really moved is used again when an operator says so, without a restart",
  async () => {
    const [preferred] = clients() as [ProcessorClient];
    await preferred.setFaults({ errorWithoutInsert: 1 });
    const id = crypto.randomUUID();
    expect(await gateway().pay(id, 100)).toBe(202);
    await until("it is unknown", 10_000, async () => {
      const found = await gateway().statusOf(id);
      return found !== "missing" && found.status === "unknown" && found.processor === "default";
    });
    await preferred.heal();
    // The same processor, by another of its names.
    const [first, second] = straight() as [string, string];
    await restart([first.replace("127.0.0.1", "localhost"), second]);
    await Bun.sleep(WATCHED_MS);
    expect(await gateway().statusOf(id)).toMatchObject({ status: "unknown" });
    const said = await run("operator", "moved", "default", "--why", "it is known by a name now");
    expect(said).toMatchObject({ code: 0, out: expect.stringContaining("localhost") });
    await until("it is settled", 10_000, async () => {
      const found = await gateway().statusOf(id);
      return found !== "missing" && found.status === "settled";
    });
    expect((await chargesOf())[0]!.filter((one) => one === id)).toEqual([id]);
    const processors = await run("operator", "processors");
    expect(processors.out).toContain("moved by ana");
    expect((await run("operator", "moved", "default", "--why", "again")).code).toBe(1);
  },
  TEST_MS_MAX,
);
