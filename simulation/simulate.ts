/**
 * The command behind `bun run simulate`: runs seeds, one in eight twice, and says what was checked. On the
 * first violation it looks for the shortest run that shows it, prints that, and exits 1.
 */
import { availableParallelism } from "node:os";
import { judge, measure } from "./coverage.ts";
import { runSeed, type RunResult } from "./world.ts";
import { argumentsOrExit } from "../shared/arguments.ts";
import { RANGE_OPTIONS, rangeOf } from "./range.ts";
import { run } from "../testing/process.ts";

const USAGE = `usage: bun run simulate --seed N | --seeds A..B | --fresh COUNT | --long

Runs seeds, one in eight twice. Exits 1 on the first violation, with the shortest run that shows it.

  --steps M   payments that shops post in a run (60)
  --jobs N    processes that share the seeds (one per core)
  --trace     prints everything that happens in the run of --seed
  --brief     says what was violated, and does not look for the shortest run
  --coverage  says which lines of the core the seeds met; exits 1 below a floor
  --fresh     seeds that nobody has run, beginning at the clock's second
  --long      100 000 of them`;
const LONG_COUNT = 100_000;
/** Seeds that one process takes at a time: the first hundred are slow, until what they run is compiled. */
const PIECE = { least: 50, most: 2_000 };

type Totals = Record<
  | "seeds"
  | "acknowledged"
  | "charges"
  | "crashes"
  | "powerCuts"
  | "decisions"
  | "absences"
  | "seedsWithAbsences"
  | "exchanges"
  | "restores"
  | "tariffChanges"
  | "simulatedMs",
  number
>;

const ONE_IN = 8;
const { from, to, steps, jobs, trace, coverage, brief, summaryJson } = readArguments();
if (coverage) await reportCoverage();
const startedAtMs = performance.now();
const alone = jobs === 1 || from === to;
const totals = alone ? runSeeds() : await shareSeeds();
if (summaryJson) console.log(JSON.stringify(totals));
else console.log(describe(totals));

async function reportCoverage(): Promise<never> {
  const { lines, isEnough } = judge(await measure(from, to, steps));
  console.log(lines.join("\n"));
  process.exit(isEnough ? 0 : 1);
}

function runSeeds(): Totals {
  const sum = noTotals();
  for (let seed = from; seed <= to; seed++) {
    const result = runChecked(seed);
    if (from === to && !summaryJson)
      console.log(`seed ${seed}\n${result.plan}\ntrace ${result.traceHash}`);
    if (trace) console.log(runSeed({ seed, steps, keepTrace: true }).trace.join("\n"));
    if (result.violation !== null) report(result);
    const { counts, simulatedMs } = result;
    const seedsWithAbsences = Math.min(1, counts.absences);
    addTo(sum, { ...counts, seeds: 1, seedsWithAbsences, simulatedMs });
  }
  return sum;
}

/** Hands pieces of the range to processes; the first that finds a violation ends them all. */
async function shareSeeds(): Promise<Totals> {
  const sum = noTotals();
  const share = Math.ceil((to - from + 1) / jobs);
  const piece = Math.min(PIECE.most, Math.max(PIECE.least, share));
  let next = from;
  const work = async () => {
    while (next <= to) {
      const first = next;
      next = Math.min(to, first + piece - 1) + 1;
      addTo(sum, await runElsewhere(first, next - 1));
      if (process.stderr.isTTY) process.stderr.write(`\r${sum.seeds} of ${to - from + 1} seeds `);
    }
  };
  console.log(`seeds ${from}..${to}`);
  await Promise.all(Array.from({ length: jobs }, work));
  return sum;
}

async function runElsewhere(first: number, last: number): Promise<Totals> {
  const range = ["--seeds", `${first}..${last}`, "--steps", String(steps)];
  const args = [...range, ...(brief ? ["--brief"] : []), "--jobs", "1", "--totals"];
  const { code, out, err } = await run([process.execPath, ...process.execArgv, Bun.main, ...args]);
  if (code === 0) return JSON.parse(out);
  console.log(out + err);
  process.exit(1);
}

/**
 * The same seed must give the same run, or nothing that it says can be repeated. That is the world's own
 * soundness, and not the gateway's, so that one seed in eight shows it, and one that is asked for alone.
 */
function runChecked(seed: number): RunResult {
  const first = runSeed({ seed, steps, keepTrace: false });
  if (seed % ONE_IN !== 0 && from !== to) return first;
  const second = runSeed({ seed, steps, keepTrace: false });
  if (first.traceHash === second.traceHash) return first;
  return { ...first, violation: "the same seed gave two different runs" };
}

function report({ seed, violation, plan }: RunResult): never {
  if (brief) {
    console.log(`seed ${seed}: ${violation}`);
    process.exit(1);
  }
  let shortest = { steps, result: runSeed({ seed, steps, keepTrace: true }) };
  for (let fewer = 1; fewer < shortest.steps; fewer = Math.ceil(fewer * 1.5)) {
    const result = runSeed({ seed, steps: fewer, keepTrace: true });
    if (result.violation !== null) shortest = { steps: fewer, result };
  }
  console.log(shortest.result.trace.join("\n"));
  console.log(`\nseed ${seed}: ${violation}\n${plan}`);
  if (shortest.steps < steps) console.log(`shortest: ${shortest.result.violation}`);
  console.log(`repeat: bun run simulate --seed ${seed} --steps ${shortest.steps} --trace`);
  process.exit(1);
}

function describe(sum: Totals): string {
  const hours = (sum.simulatedMs / 3_600_000).toFixed(1);
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  return (
    `${sum.seeds} seeds, one in eight twice, no violation: ${sum.acknowledged} payments acknowledged, ` +
    `${sum.charges} charges, ${sum.crashes} crashes, ${sum.powerCuts} power cuts, ` +
    `${sum.decisions} decisions by hand, ` +
    `${sum.absences} payments declared absent in ${sum.seedsWithAbsences} seeds, ` +
    `${sum.exchanges} starts with addresses exchanged, ` +
    `${sum.restores} restores of an older copy, ` +
    `${sum.tariffChanges} starts with other tariffs, ` +
    `${hours} simulated hours in ${seconds} s`
  );
}

function noTotals(): Totals {
  const counts = { charges: 0, crashes: 0, powerCuts: 0, decisions: 0 };
  const absent = { absences: 0, seedsWithAbsences: 0, exchanges: 0, restores: 0, tariffChanges: 0 };
  return { seeds: 0, acknowledged: 0, ...counts, ...absent, simulatedMs: 0 };
}

function addTo(sum: Totals, more: Totals): void {
  for (const name of Object.keys(sum) as (keyof Totals)[]) sum[name] += more[name];
}

function readArguments() {
  const options = {
    ...RANGE_OPTIONS,
    long: { type: "boolean", default: false },
    steps: { type: "string", default: "60" },
    jobs: { type: "string", default: String(availableParallelism()) },
    trace: { type: "boolean", default: false },
    coverage: { type: "boolean", default: false },
    brief: { type: "boolean", default: false },
    totals: { type: "boolean", default: false },
  } as const;
  const { values } = argumentsOrExit({ usage: USAGE, options });
  const fresh = values.long ? String(LONG_COUNT) : values.fresh;
  const numbers = { steps: Number(values.steps), jobs: Number(values.jobs) };
  const range = rangeOf(USAGE, { ...values, fresh }, Object.values(numbers));
  return { ...values, ...range, ...numbers, summaryJson: values.totals };
}
