/**
 * The command behind `bun run simulate`: runs seeds, each twice, and says what was checked. On the
 * first violation it looks for the shortest run that shows it, prints that, and exits 1.
 */
import { parseArgs } from "node:util";
import { runSeed, type RunResult } from "./world.ts";

const USAGE = `usage: bun run simulate --seed N | --seeds A..B [--steps M] [--trace]`;
const STEPS = 60;

type Totals = {
  runs: number;
  acknowledged: number;
  charges: number;
  crashes: number;
  powerCuts: number;
  simulatedMs: number;
};

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    steps: { type: "string", default: String(STEPS) },
    trace: { type: "boolean", default: false },
  },
});
const range = values.seeds === undefined ? [values.seed, values.seed] : values.seeds.split("..");
const [from, to] = range.map(Number) as [number, number];
const steps = Number(values.steps);
if (![from, to, steps].every(Number.isSafeInteger) || from > to) {
  console.error(USAGE);
  process.exit(1);
}

const startedAtMs = performance.now();
const totals: Totals = {
  runs: 0,
  acknowledged: 0,
  charges: 0,
  crashes: 0,
  powerCuts: 0,
  simulatedMs: 0,
};
for (let seed = from; seed <= to; seed++) {
  const result = await runTwice(seed);
  if (from === to) console.log(`seed ${seed}\n${result.plan}\ntrace ${result.traceHash}`);
  if (values.trace) console.log((await runSeed({ seed, steps, keepTrace: true })).trace.join("\n"));
  if (result.violation !== null) await report(result);
  totals.runs++;
  totals.acknowledged += result.counts.acknowledged;
  totals.charges += result.counts.charges;
  totals.crashes += result.counts.crashes;
  totals.powerCuts += result.counts.powerCuts;
  totals.simulatedMs += result.simulatedMs;
}
const hours = (totals.simulatedMs / 3_600_000).toFixed(1);
const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
console.log(
  `${totals.runs} seeds, each twice, no violation: ${totals.acknowledged} payments acknowledged, ` +
    `${totals.charges} charges, ${totals.crashes} crashes, ${totals.powerCuts} power cuts, ` +
    `${hours} simulated hours in ${seconds} s`,
);

/** The same seed must give the same run, or nothing that it says can be repeated. */
async function runTwice(seed: number): Promise<RunResult> {
  const first = await runSeed({ seed, steps, keepTrace: false });
  const second = await runSeed({ seed, steps, keepTrace: false });
  if (first.traceHash === second.traceHash) return first;
  return { ...first, violation: "the same seed gave two different runs" };
}

async function report({ seed, violation, plan }: RunResult): Promise<never> {
  let shortest = { steps, result: await runSeed({ seed, steps, keepTrace: true }) };
  for (let fewer = 1; fewer < shortest.steps; fewer = Math.ceil(fewer * 1.5)) {
    const result = await runSeed({ seed, steps: fewer, keepTrace: true });
    if (result.violation !== null) shortest = { steps: fewer, result };
  }
  console.log(shortest.result.trace.join("\n"));
  console.log(`\nseed ${seed}: ${violation}\n${plan}`);
  if (shortest.steps < steps) console.log(`shortest: ${shortest.result.violation}`);
  console.log(`repeat: bun run simulate --seed ${seed} --steps ${shortest.steps} --trace`);
  process.exit(1);
}
