/** Restarts with other addresses of the processors, with real processes: nothing is charged twice. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ProcessorAdmin } from "../../testing/processor-admin.ts";
import { run } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";
import { processorsAt, Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";

const TOKEN = "a token of the test";
/** The watch is longer than a health call, a trial or the first repetitions of a look would take. */
const WATCHED_MS = 3_000;

let stack: Stack;

/** Kills the worker as a crash does, and starts another one with these addresses. */
async function restart(urls: readonly string[]): Promise<void> {
  await stack.worker.kill();
  stack.configure({ PROCESSORS: processorsAt(urls) });
  await stack.worker.startAndWait();
  await until("the worker is ready", () => stack.workerHttp.isReady());
  await until("the gateway is ready", () => stack.gateway.isReady());
}

function command(...args: string[]) {
  const urls = args.includes("doctor") ? turned() : straight();
  const env = { ...stack.worker.env, USER: "ana", PROCESSORS: processorsAt(urls) };
  return run(fromSource("worker.ts", ...args), { env });
}

const straight = () => stack.processors.map(({ url }) => url);
const turned = () => straight().toReversed();
const chargesOf = async () =>
  Promise.all(
    stack.processors.map(async (client) =>
      (await client.payments()).map((one) => one.correlationId),
    ),
  );

beforeAll(async () => {
  stack = await Stack.start({ env: { ADMIN_TOKEN: TOKEN, PROCESSOR_TIMEOUT_MS: "300" } });
  await until("the gateway is ready", () => stack.gateway.isReady());
});

afterAll(() => stack[Symbol.asyncDispose]());

test("addresses exchanged while payments are unknown: nothing goes anywhere, until it is taken back", async () => {
  const [preferred, dearer] = stack.processors as [ProcessorAdmin, ProcessorAdmin];
  // Everything is charged, and nothing of that is heard.
  await preferred.setFaults({ hangAll: true, hangInserts: true });
  await dearer.setFaults({ hangAll: true, hangInserts: true });
  const ids = Array.from({ length: 8 }, () => crypto.randomUUID());
  for (const id of ids) expect(await stack.gateway.pay(id, 1_990)).toBe(202);
  await until("they are unknown", async () => {
    const found = await Promise.all(ids.map((id) => stack.gateway.stateOf(id)));
    return found.includes("unknown");
  });
  await restart(turned());
  await preferred.heal();
  await dearer.heal();
  const charged = (await chargesOf()).flat();
  const meanwhile = crypto.randomUUID();
  expect(await stack.gateway.pay(meanwhile, 700)).toBe(202);
  await Bun.sleep(WATCHED_MS);
  expect((await chargesOf()).flat()).toEqual(charged);
  expect(await stack.gateway.statusOf(meanwhile)).toMatchObject({ status: "accepted" });
  const { lanes } = (await stack.gateway.live()) as { lanes: { moved: boolean }[] };
  expect(lanes.map(({ moved }) => moved)).toEqual([true, true]);
  const doctor = await command("doctor");
  expect(doctor.code).toBe(1);
  expect(doctor.out).toMatch(/wrong +address of default +\S+, and before \S+, with \d+ open/);

  await restart(straight());
  const all = [...ids, meanwhile];
  await until("all are settled", () => stack.gateway.areSettled(all));
  expect((await chargesOf()).flat().toSorted()).toEqual(all.toSorted());
});

test("a processor that has really moved is used again when an operator says so, without a restart", async () => {
  const [preferred] = stack.processors as [ProcessorAdmin];
  await preferred.setFaults({ errorWithoutInsert: 1 });
  const id = crypto.randomUUID();
  expect(await stack.gateway.pay(id, 100)).toBe(202);
  await until("it is unknown", async () => {
    const found = await stack.gateway.statusOf(id);
    return found !== "missing" && found.status === "unknown" && found.processor === "default";
  });
  await preferred.heal();
  // It is the same processor, by another of its names.
  const [first, second] = straight() as [string, string];
  await restart([first.replace("127.0.0.1", "localhost"), second]);
  await Bun.sleep(WATCHED_MS);
  expect(await stack.gateway.statusOf(id)).toMatchObject({ status: "unknown" });
  const both = await command("operator", "processors");
  expect(both.out).toContain(`moved from ${first} to ${first.replace("127.0.0.1", "localhost")}`);
  const said = await command("operator", "moved", "default", "--why", "it is known by a name now");
  expect(said).toMatchObject({ code: 0, out: expect.stringContaining("localhost") });
  await until("it is settled", async () => {
    return (await stack.gateway.stateOf(id)) === "settled";
  });
  expect((await chargesOf())[0]!.filter((one) => one === id)).toEqual([id]);
  const processors = await command("operator", "processors");
  expect(processors.out).toContain("moved by ana");
  expect((await command("operator", "moved", "default", "--why", "again")).code).toBe(1);
});
