/**
 * Measures this tree beside another revision of it, both compiled, in one run: what `--against` does. Only what
 * both were built for is asked: payments come by HTTP, and the summary says what is settled.
 *
 * A gateway is measured cold, in its first two seconds, and warm, after as many payments of the same load on
 * both sides: a restart under load is real, and so is a year without one. All of them are settled before the
 * warm load begins, so that nobody pays for what piled up before. With processors that answer at once payments
 * are accepted and settled side by side. With processors that take a second, from some moment on, the way to the
 * 202 is alone, and what has piled up is then settled as fast as it goes. These go by turns, since each takes all
 * that the machine has.
 *
 * A contest's load leaves room for two gateways at the same time, each with users of its own: whatever else the
 * machine does then, and however fast it is just now, meets both, so that two in a hundred can be told.
 *
 * A difference that turns its sign from one turn to another is said to be none.
 */
import type { JournalSync } from "../worker/journal/store.ts";
import type { Sum } from "../testing/gateway.ts";
import { MAIN_THREAD, spentBetween, threadsCpuMsOf } from "../testing/proc.ts";
import {
  Checks,
  differenceOf,
  ratiosOf,
  rowOf,
  type BenchContext,
  type Row,
  type Unit,
} from "./benchmark.ts";
import type { LoadReport } from "./load/plan.ts";
import { auditJournal, auditSums, settledSince } from "./system/audit.ts";
import { usersOf } from "./system/echo.ts";
import { acceptedOf, loadStack, runLoad, spentNs, type Load } from "./system/payments.ts";
import { startStack, type BenchStack, type StackOptions } from "./system/stack.ts";
import { NONE, plus, totalOf } from "./system/sums.ts";

const POLL_MS = 20;
/** A thread that takes less of a payment is not named. */
const TOLD_NS = 500;
/** Length of each of the loads that warm up, one after the other until there were enough payments. */
const WARMUP_MS = 500;

type Lengths = {
  readonly coldMs: number;
  readonly measuredMs: number;
  /** Payments after which a gateway counts as warm. */
  readonly warmup: { readonly atOnce: number; readonly later: number };
};
const FULL: Lengths = {
  coldMs: 2_000,
  measuredMs: 4_000,
  warmup: { atOnce: 40_000, later: 20_000 },
};
const QUICK: Lengths = {
  coldMs: 500,
  measuredMs: 500,
  warmup: { atOnce: 100, later: 100 },
};

const TOGETHER = "a contest's load, side by side";
/** Users of each, and the length of a load, where both have to fit on the machine. */
const TOGETHER_FULL = { connections: 150, warmupMs: 0, durationMs: 12_000 };
const TOGETHER_QUICK = { connections: 5, warmupMs: 0, durationMs: 500 };

/** A figure of one gateway in one turn: its row, its unit, the value, and a note. */
type Figure = readonly [what: string, unit: Unit, value: number, note?: string];

type Turns = { readonly ours: Figure[][]; readonly theirs: Figure[][] };
const SIDES = ["ours", "theirs"] as const;

/** The parts, each with gateways of its own; its rows begin with its name. */
export const AGAINST = [
  ...(["normal", "full"] as const).flatMap((sync) => [
    beside(`${sync} at once`, (...given) => measureAtOnce(sync, ...given)),
    beside(`${sync} later`, (...given) => measureLater(sync, ...given)),
  ]),
  { name: TOGETHER, run: runTogether },
];

type Measure = (context: BenchContext, lengths: Lengths, checks: Checks, add: Add) => Promise<void>;

function beside(name: string, measure: Measure) {
  return {
    name,
    run: (context: BenchContext, other: BenchContext["dist"]) =>
      runBeside(name, measure, context, other),
  };
}

/** Alternates with the programs in `other`, and begins with them in every second turn. */
async function runBeside(
  name: string,
  measure: Measure,
  context: BenchContext,
  other: BenchContext["dist"],
): Promise<Row[]> {
  const checks = new Checks();
  const lengths = context.quick ? QUICK : FULL;
  const turns: Turns = { ours: [], theirs: [] };
  const turnOf = async (who: keyof Turns) => {
    const figures: Figure[] = [];
    const dist = who === "ours" ? context.dist : other;
    await measure({ ...context, dist }, lengths, checks, (...figure) => figures.push(figure));
    turns[who].push(figures);
  };
  for (let turn = 0; turn < context.runs; turn++) {
    for (const who of inTurn(turn)) await turnOf(who);
  }
  return rowsOf(name, turns, checks);
}

const inTurn = (turn: number) => (turn % 2 === 0 ? SIDES : SIDES.toReversed());

function rowsOf(name: string, turns: Turns, checks: Checks): Row[] {
  return turns.ours[0]!.map(([what, unit, , told], i) => {
    const of = (side: Figure[][]) => side.map((figures) => figures[i]![2]);
    const series = { figures: of(turns.ours), baselines: of(turns.theirs) };
    const theirs = turns.theirs[0]![i]![3];
    const besides = told === theirs ? told : `${told}; theirs ${theirs}`;
    const note = [differenceOf(ratiosOf(unit, series)), besides].filter(Boolean).join("; ");
    return rowOf(`${name}: ${what}`, unit, series, checks, note);
  });
}

/** Loads both in the same seconds: from their start on, and then once more. */
async function runTogether(context: BenchContext, other: BenchContext["dist"]): Promise<Row[]> {
  const checks = new Checks();
  const turns: Turns = { ours: [], theirs: [] };
  const load = { ...usersOf(context), ...(context.quick ? TOGETHER_QUICK : TOGETHER_FULL) };
  const spanS = load.durationMs / 1_000;
  for (let turn = 0; turn < context.runs; turn++) {
    await using stacks = new AsyncDisposableStack();
    const started: { who: keyof Turns; stack: BenchStack; figures: Figure[]; sum: Sum }[] = [];
    for (const who of inTurn(turn)) {
      const dist = who === "ours" ? context.dist : other;
      const stack = stacks.use(await start({ ...context, dist }, { sync: "normal" }));
      started.push({ who, stack, figures: [], sum: NONE });
    }
    for (const when of [`the first ${spanS} s`, `the next ${spanS} s`]) {
      const loadOne = async (one: (typeof started)[number]) => {
        const pids = [one.stack.apis[0]!.pid, one.stack.worker.pid];
        const report = await runLoad({ port: one.stack.port, pids }, load, true, checks);
        one.sum = plus(one.sum, acceptedOf(report));
        one.figures.push(...figuresOf(report, when));
      };
      await Promise.all(started.map(loadOne));
    }
    for (const { who, stack, figures, sum } of started) {
      await auditSums(stack, sum, checks);
      await auditJournal(stack, sum, checks);
      turns[who].push(figures);
    }
  }
  return rowsOf(TOGETHER, turns, checks);
}

/** The load's processes are an API and the worker. */
function figuresOf(report: LoadReport, when: string): Figure[] {
  const { p50Ms, p99Ms, measured, spent, wakes } = report;
  const mainMs = spent[1]!.find(({ name }) => name === MAIN_THREAD)?.ms ?? 0;
  const main = (mainMs / measured) * 1e6;
  const woken = `${(wakes[1]! / measured).toFixed(2)} wakes a payment`;
  const cpu = `CPU of a payment, ${when}`;
  return [
    [`p50, ${when}`, "ms", p50Ms],
    [`p99, ${when}`, "ms", p99Ms],
    [`${cpu}: api`, "ns", spentNs(report, 0)],
    [`${cpu}: worker's main thread`, "ns", main, woken],
    [`${cpu}: worker's other threads`, "ns", spentNs(report, 1) - main],
  ];
}

type Add = (...figure: Figure) => void;

async function measureAtOnce(
  sync: JournalSync,
  context: BenchContext,
  { coldMs, measuredMs, warmup }: Lengths,
  checks: Checks,
  add: Add,
): Promise<void> {
  await using stack = await start(context, { sync });
  const cold = await loadStack(stack, closed(coldMs), checks);
  const before = plus(acceptedOf(cold), await warmUp(stack, warmup.atOnce - cold.answered, checks));
  await auditSums(stack, before, checks);
  const from = spentBy(stack);
  const startMs = performance.now();
  const warm = await loadStack(stack, closed(measuredMs), checks);
  const accepted = plus(before, acceptedOf(warm));
  await auditSums(stack, accepted, checks);
  const tookMs = performance.now() - startMs;
  const spent = eachOf(from, spentBy(stack), warm.answered);
  const after = `${measuredMs} ms after ${before.count} payments`;
  add("accepted, cold", "/s", cold.perSecond, `the first ${coldMs} ms`);
  add("accepted", "/s", warm.perSecond, after);
  add("whole payments", "/s", (warm.answered / tookMs) * 1_000, "until the last is settled");
  const cpu = "CPU of a whole payment";
  add(`${cpu}: api`, "ns", spent.api);
  add(`${cpu}: worker's main thread`, "ns", spent.worker);
  add(`${cpu}: worker's other threads`, "ns", spent.others, spent.threads);
  add(`${cpu}: beside it, the processors`, "ns", spent.processors);
  add(`${cpu}: beside it, the load`, "ns", (warm.cpuMs / warm.answered) * 1e6);
}

async function measureLater(
  sync: JournalSync,
  context: BenchContext,
  { measuredMs, warmup }: Lengths,
  checks: Checks,
  add: Add,
): Promise<void> {
  await using stack = await start(context, { sync, env: { PATIENCE_MS: "0" } });
  const settled = await warmUp(stack, warmup.atOnce, checks);
  await auditSums(stack, settled, checks);
  for (const processor of stack.processors) await processor.setDelay(1_000);
  const before = plus(settled, await warmUp(stack, warmup.later, checks));
  const from = spentBy(stack);
  const warm = await loadStack(stack, closed(measuredMs), checks);
  const spent = eachOf(from, spentBy(stack), warm.answered);
  const accepted = plus(before, acceptedOf(warm));
  const { count: settledBefore } = totalOf(await settledSince(stack));
  const waiting = spentBy(stack);
  for (const processor of stack.processors) await processor.setDelay(0);
  const perSecond = await settledPerSecond(stack, settledBefore, accepted.count);
  const settling = eachOf(waiting, spentBy(stack), accepted.count - settledBefore);
  await auditSums(stack, accepted, checks);
  const after = `${measuredMs} ms after ${before.count} payments`;
  add("accepted", "/s", warm.perSecond, after);
  add("CPU of an acceptance: api", "ns", spent.api);
  add("CPU of an acceptance: worker's main thread", "ns", spent.worker);
  add("CPU of an acceptance: worker's other threads", "ns", spent.others, spent.threads);
  add("settled out of a backlog", "/s", perSecond, `of ${accepted.count}`);
  const cpu = "CPU of a settlement";
  add(`${cpu}: worker's main thread`, "ns", settling.worker);
  add(`${cpu}: worker's other threads`, "ns", settling.others, settling.threads);
  add(`${cpu}: beside it, the processors`, "ns", settling.processors);
}

async function warmUp(stack: BenchStack, payments: number, checks: Checks): Promise<Sum> {
  let accepted = NONE;
  while (accepted.count < payments) {
    accepted = plus(accepted, acceptedOf(await loadStack(stack, closed(WARMUP_MS), checks)));
  }
  return accepted;
}

/** Room for as many payments as come while nothing settles. */
function start(context: BenchContext, options: StackOptions): Promise<BenchStack> {
  return startStack(context, { ...options, env: { BACKLOG_MAX: "1000000", ...options.env } });
}

function closed(durationMs: number): Load {
  return { warmupMs: 0, durationMs, ratePerSecond: null };
}

/** CPU time in milliseconds of each kind of thread. */
type Threads = ReadonlyMap<string, number>;
type Spent = { readonly api: Threads; readonly worker: Threads; readonly processors: Threads[] };

function spentBy({ apis, worker, site }: BenchStack): Spent {
  return {
    api: threadsCpuMsOf(apis[0]!.pid),
    worker: threadsCpuMsOf(worker.pid),
    processors: site.processors.children.map(({ pid }) => threadsCpuMsOf(pid)),
  };
}

/** Nanoseconds of each of so many payments. */
function eachOf(from: Spent, to: Spent, payments: number) {
  const each = (spentMs: number) => (spentMs / payments) * 1e6;
  const all = (threads: Threads) => threads.values().reduce((sum, ms) => sum + ms, 0);
  const worker = spentBetween(from.worker, to.worker).map(({ name, ms }) => {
    return { name, ns: each(ms) };
  });
  const main = worker.find(({ name }) => name === MAIN_THREAD)?.ns ?? 0;
  const told = worker.filter(({ name, ns }) => name !== MAIN_THREAD && ns >= TOLD_NS);
  const sumOf = (processors: Threads[]) => processors.reduce((sum, one) => sum + all(one), 0);
  return {
    api: each(all(to.api) - all(from.api)),
    worker: main,
    others: worker.reduce((sum, { ns }) => sum + ns, -main),
    threads: told.map(({ name, ns }) => `${name} ${(ns / 1e3).toFixed(1)}`).join(", "),
    processors: each(sumOf(to.processors) - sumOf(from.processors)),
  };
}

/** The slope of the summary's count between a quarter and seven eighths of what is open at first. */
async function settledPerSecond(stack: BenchStack, settled: number, all: number): Promise<number> {
  const at = (part: number) => settled + (all - settled) * part;
  let from = { atMs: performance.now(), count: 0 };
  for (;;) {
    const { count } = totalOf(await settledSince(stack));
    const atMs = performance.now();
    if (count >= at(7 / 8)) return ((count - from.count) / (atMs - from.atMs)) * 1_000;
    if (from.count === 0 && count >= at(1 / 4)) from = { atMs, count };
    await Bun.sleep(POLL_MS);
  }
}
