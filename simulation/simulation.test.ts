/** Runs the seeded world and the fuzzers, as CI does: with seeds of this tree, which are new after each change. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { run } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";
import { seedsOfTree } from "./seeds.fixture.ts";

/** CI takes 2 000 seeds of the tree and a million inputs; a run by hand takes a taste of each. */
const FULL = process.env["CI"] === "true";
const SEEDS = FULL ? 2_000 : 200;
const INPUTS = FULL ? 1_000_000 : 100_000;
setDefaultTimeout(900_000);
/** Some seeds have processors that print no zone: an instant read in this one would be another. */
const ZONE = { ...process.env, TZ: "Asia/Kathmandu" };

const FOUND_ONCE = [
  { seed: 21, what: "after a full disk nothing asked whether commits work again" },
  { seed: 399, what: "the checker took a restarted API's first verdict for a stale one" },
  { seed: 1023, what: "a forged datagram that was the real one" },
  { seed: 3_120, what: "the checker took a restarted API's first verdict for a stale one" },
  { seed: 103, what: "a payment without patience waited for a full processor that hung" },
  { seed: 71, what: "without patience a cheaper processor was never tried again" },
  { seed: 264, what: "nor was one that has no health call" },
  { seed: 3_388, what: "the checker judged a breaker by what came after a failure" },
  {
    seed: 15,
    what: "a payment was late at a processor, off which a cheaper one that rested was to take others",
  },
  { seed: 2_010_746, what: "a worker at rest began to give wanted shards with its next tick" },
  { seed: 2_001_836, what: "the checker judged the order of payments that wait in two lines" },
  { seed: 422_311, what: "an answer that was to be another payment's told this one's instant" },
  {
    seed: 446_380,
    what: "a payment that somebody held was nobody's once its last call was harmless",
  },
  {
    seed: 4_114_981_646,
    what: "a frame was sent again a tick later when one of its payments was given up",
  },
  {
    seed: 2_248_861_983,
    what: "payments waited for a processor that rested, and were late when it turned them away again",
  },
  { seed: 705, what: "failed commits left a journal that no start took" },
  { seed: 1_795_961_910, what: "the world lost what a processor had due while everything slept" },
  { seed: 3_857_240_028, what: "the world ended before a shop had its lost payment taken again" },
  {
    seed: 103_098,
    what: "the checker counted places of payments whose acceptance nobody had heard of",
  },
  { seed: 2_475_010_123, what: "nobody let through what shops had taken again, of such a copy" },
  { seed: 40_438, what: "nobody let through what came last, of a copy that proves nothing" },
  {
    seed: 1_795_898_948,
    what: "a payment that was answered 422 by something in between, on a restored journal, had no end",
  },
  {
    seed: 1_796_005_556,
    what: "the count of fees did not go back with the journal to a payment's earlier assignment",
  },
  {
    seed: 2_337_367_390,
    what: "the checker forgot what a shard may end when another one was not given",
  },
  { seed: 525_799, what: "a late payment waited for one rest of a processor after the other" },
  { seed: 1_795_999_127, what: "the checker counted a trial as a call beyond the share" },
  { seed: 585_401, what: "nobody decided about a declined payment that a crash had left assigned" },
];

async function runBun(...args: string[]): Promise<{ code: number | null; output: string }> {
  const { code, out, err } = await run([process.execPath, ...args], { cwd: ROOT, env: ZONE });
  return { code, output: out + err };
}

function tail(output: string): string {
  return output.trimEnd().split("\n").slice(-40).join("\n");
}

test(`${SEEDS} seeds of this tree: nothing lost, nothing charged twice`, async () => {
  const { code, output } = await runBun(
    "simulation/simulate.ts",
    "--seeds",
    await seedsOfTree(SEEDS),
  );
  console.log(tail(output));
  expect(code).toBe(0);
});

test("a range whose last piece is one seed is counted like any other", async () => {
  const { code, output } = await runBun(
    "simulation/simulate.ts",
    "--seeds",
    "1..51",
    "--steps",
    "1",
  );
  expect(tail(output)).toContain("51 seeds, one in eight twice, no violation");
  expect(code).toBe(0);
});

test.each(FOUND_ONCE)("seed $seed, which once found: $what", async ({ seed }) => {
  const { code, output } = await runBun("simulation/simulate.ts", "--seed", String(seed));
  expect(tail(output)).toContain("no violation");
  expect(code).toBe(0);
});

test(`${INPUTS} fuzzed inputs: no crash, nothing believed that is not signed`, async () => {
  const { code, output } = await runBun("tests/fuzz/fuzz.ts", "--inputs", String(INPUTS));
  console.log(tail(output));
  expect(code).toBe(0);
});

test("a seed gives the same run every time, and another seed another one", async () => {
  const traceOf = async (seed: string) =>
    /^trace (\w+)$/m.exec((await runBun("simulation/simulate.ts", "--seed", seed)).output)?.[1];
  const [first, again, other] = [await traceOf("7"), await traceOf("7"), await traceOf("8")];
  expect(first).toMatch(/^[0-9a-f]{16}$/);
  expect(again).toBe(first as string);
  expect(other).not.toBe(first as string);
});
