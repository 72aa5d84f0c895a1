/**
 * Runs seeds of the world of several workers, one in eight twice, and exits 1 at the first violation, with all that
 * happened in it. `--plant` names a bug that is planted first.
 */
import { argumentsOrExit, refuseArguments } from "../../shared/arguments.ts";
import { plant } from "../planted/edits.ts";
import { CLUSTER_BUGS } from "./bugs.ts";

const USAGE = `usage: bun simulation/cluster/simulate.ts --seed N | --seeds A..B | --fresh COUNT

Runs seeds, one in eight twice. Exits 1 on the first violation, with all that happened in it.

  --steps M   payments that are posted in a run (40)
  --plant B   plants the bug of this name (simulation/cluster/bugs.txt)
  --fresh     seeds that nobody has run, beginning at the clock's second`;

const asked = readArguments();
const [from, to] = asked.range;
if (asked.bug !== undefined) plant(asked.bug);
const { runClusterSeed } = await import("./world.ts");

/** The same seed must give the same run: one in so many shows it. */
const ONE_IN = 8;
const sum = { acknowledged: 0, takeOvers: 0 };
for (let seed = from; seed <= to; seed++) {
  const first = runClusterSeed(seed, asked.steps, false);
  const isAgain = seed % ONE_IN === 0 || from === to || first.violation !== null;
  const again = isAgain ? runClusterSeed(seed, asked.steps, first.violation !== null) : first;
  const isSame = first.traceHash === again.traceHash;
  const violation = isSame ? first.violation : "the same seed gave two different runs";
  if (violation !== null) {
    console.log(again.trace.join("\n"));
    console.log(`\nseed ${seed}: ${violation}\n${JSON.stringify(again.plan)}`);
    process.exit(1);
  }
  sum.acknowledged += first.acknowledged;
  sum.takeOvers += first.takeOvers;
}
console.log(
  `${to - from + 1} seeds, one in eight twice, no violation: ${sum.acknowledged} payments acknowledged, ` +
    `${sum.takeOvers} workers taken over`,
);

function readArguments() {
  const options = {
    seed: { type: "string" },
    seeds: { type: "string" },
    fresh: { type: "string", default: "100" },
    steps: { type: "string", default: "40" },
    plant: { type: "string" },
  } as const;
  const { values } = argumentsOrExit({ usage: USAGE, options });
  const range = rangeOf(values);
  const steps = Number(values.steps);
  const bug = CLUSTER_BUGS.find(({ name }) => name === values.plant);
  const isSound = [...range, steps].every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!isSound || range[0] > range[1]) {
    refuseArguments(USAGE, "these are not whole numbers in order");
  }
  if (values.plant !== undefined && bug === undefined) {
    refuseArguments(USAGE, `no bug is named "${values.plant}"`);
  }
  return { range, steps, bug };
}

type Range = readonly [first: number, last: number];

function rangeOf(values: { seed?: string; seeds?: string; fresh: string }): Range {
  if (values.seed !== undefined) return [Number(values.seed), Number(values.seed)];
  if (values.seeds !== undefined) {
    const [first, last] = values.seeds.split("..").map(Number);
    return [first ?? Number.NaN, last ?? Number.NaN];
  }
  const first = Math.floor(Date.now() / 1_000);
  return [first, first + Number(values.fresh) - 1];
}
