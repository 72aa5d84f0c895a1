/**
 * Measures this tree beside another revision of it, both compiled, by turns, in one run: what `--against` does.
 * Only what both were built for is asked: payments come by HTTP, and the summary says what is settled.
 *
 * A gateway is measured cold, in its first two seconds, and warm, after so many seconds of the same load that
 * the compilers have come to rest: a restart under load is real, and so is a year without one. With processors
 * that answer at once payments are accepted and settled side by side. With processors that take a second the way
 * to the 202 is alone, and what has piled up is then settled as fast as it goes.
 *
 * A difference that turns its sign from one turn to another is said to be none.
 */
import type { JournalSync } from "../worker/journal/store.ts";
import { threadsCpuMsOf } from "../testing/proc.ts";
import { Checks, ratiosOf, rowOf, type BenchContext, type Row, type Unit } from "./benchmark.ts";
import { auditSums, settledSince } from "./system/audit.ts";
import { acceptedOf, loadStack, type Load } from "./system/payments.ts";
import { startStack, type BenchStack, type StackOptions } from "./system/stack.ts";
import { plus, totalOf } from "./system/sums.ts";

const SYNCS: readonly JournalSync[] = ["normal", "full"];
const POLL_MS = 20;
/** Names under which the kernel shows threads that compile, in this Bun. */
const COMPILERS = /JIT|Compiler/i;

type Lengths = {
  readonly coldMs: number;
  readonly warmupMs: number;
  readonly measuredMs: number;
  readonly laterMs: number;
};
const FULL: Lengths = { coldMs: 2_000, warmupMs: 5_000, measuredMs: 5_000, laterMs: 2_500 };
const QUICK: Lengths = { coldMs: 50, warmupMs: 50, measuredMs: 100, laterMs: 100 };

/** A figure of one gateway in one turn; its name is the row's. */
type Figure = { readonly name: string; readonly unit: Unit; readonly value: number };
type Turn = { readonly figures: readonly Figure[]; readonly notes: ReadonlyMap<string, string> };

/** Alternates, and begins with the other one in every second turn. */
export async function runAgainst(
  context: BenchContext,
  dist: string,
  other: string,
): Promise<Row[]> {
  const checks = new Checks();
  const ours: Turn[] = [];
  const theirs: Turn[] = [];
  for (let turn = 0; turn < context.runs; turn++) {
    const both = [
      async () => ours.push(await measure({ ...context, dist }, checks)),
      async () => theirs.push(await measure({ ...context, dist: other }, checks)),
    ];
    for (const one of turn % 2 === 0 ? both : both.toReversed()) await one();
  }
  return (ours[0] as Turn).figures.map(({ name, unit }, i) => {
    const of = (turns: readonly Turn[]) => turns.map(({ figures }) => figures[i]!.value);
    const series = { figures: of(ours), baselines: of(theirs) };
    const note = [differenceOf(ratiosOf(unit, series)), ours[0]!.notes.get(name)]
      .filter(Boolean)
      .join("; ");
    return rowOf(name, unit, series, checks, note);
  });
}

async function measure(context: BenchContext, checks: Checks): Promise<Turn> {
  const figures: Figure[] = [];
  const notes = new Map<string, string>();
  const lengths = context.quick ? QUICK : FULL;
  for (const sync of SYNCS) {
    const add = (what: string, unit: Unit, value: number, note = "") => {
      figures.push({ name: `${sync}: ${what}`, unit, value });
      notes.set(`${sync}: ${what}`, note);
    };
    await measureAtOnce(context, sync, lengths, checks, add);
    await measureLater(context, sync, lengths, checks, add);
  }
  return { figures, notes };
}

type Add = (what: string, unit: Unit, value: number, note?: string) => void;

async function measureAtOnce(
  context: BenchContext,
  sync: JournalSync,
  { coldMs, warmupMs, measuredMs }: Lengths,
  checks: Checks,
  add: Add,
): Promise<void> {
  await using stack = await start(context, { sync });
  const cold = await loadStack(stack, closed(0, coldMs), checks);
  const warmed = await loadStack(stack, closed(0, warmupMs), checks);
  const before = cpuOf(stack);
  const startMs = performance.now();
  const warm = await loadStack(stack, closed(0, measuredMs), checks);
  const all = [cold, warmed, warm].map(acceptedOf).reduce(plus);
  await auditSums(stack, all, checks);
  const tookMs = performance.now() - startMs;
  const spent = cpuOf(stack);
  const each = (of: keyof Spent) => ((spent[of] - before[of]) / warm.answered) * 1e6;
  const compiling = ((spent.compiling - before.compiling) / warm.answered) * 1e3;
  const after = `after ${cold.answered + warmed.answered} payments`;
  add("accepted, cold, settling at once", "/s", cold.perSecond, `the first ${coldMs} ms`);
  add("accepted, settling at once", "/s", warm.perSecond, after);
  add("whole payments", "/s", (warm.answered / tookMs) * 1_000, "until the last is settled");
  add("CPU of a whole payment: api", "ns", each("api"));
  add(
    "CPU of a whole payment: worker",
    "ns",
    each("worker"),
    `${compiling.toFixed(1)} µs compiling`,
  );
}

async function measureLater(
  context: BenchContext,
  sync: JournalSync,
  { laterMs }: Lengths,
  checks: Checks,
  add: Add,
): Promise<void> {
  await using stack = await start(context, { sync, delayMs: 1_000, env: { PATIENCE_MS: "0" } });
  const warmed = await loadStack(stack, closed(0, laterMs), checks);
  const before = cpuOf(stack);
  const warm = await loadStack(stack, closed(0, laterMs), checks);
  const spent = cpuOf(stack);
  const each = (of: keyof Spent) => ((spent[of] - before[of]) / warm.answered) * 1e6;
  for (const processor of stack.processors) await processor.setDelay(0);
  const accepted = plus(acceptedOf(warmed), acceptedOf(warm));
  const perSecond = await settledPerSecond(stack, accepted.count);
  await auditSums(stack, accepted, checks);
  add("accepted, settling later", "/s", warm.perSecond, `after ${warmed.answered} payments`);
  add("CPU of an acceptance: api", "ns", each("api"));
  add("CPU of an acceptance: worker", "ns", each("worker"));
  add("settled out of a backlog", "/s", perSecond, `of ${accepted.count}`);
}

function differenceOf(ratios: readonly number[]): string {
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  const turns = `turns ${ratios.map((ratio) => ratio.toFixed(2)).join(" ")}`;
  return least <= 1 && most >= 1 ? `no difference, ${turns}` : turns;
}

/** Room for as many payments as come while nothing settles. */
function start(context: BenchContext, options: StackOptions): Promise<BenchStack> {
  return startStack(context, { ...options, env: { BACKLOG_MAX: "1000000", ...options.env } });
}

function closed(warmupMs: number, durationMs: number): Load {
  return { warmupMs, durationMs, ratePerSecond: null };
}

type Spent = { readonly api: number; readonly worker: number; readonly compiling: number };

function cpuOf(stack: BenchStack): Spent {
  const { api, worker } = stack.cpuMs();
  const threads = [...threadsCpuMsOf(stack.worker.pid)].filter(([name]) => COMPILERS.test(name));
  return { api, worker, compiling: threads.reduce((sum, [, ms]) => sum + ms, 0) };
}

/** The slope of the summary's count between a quarter and seven eighths of the backlog. */
async function settledPerSecond(stack: BenchStack, backlog: number): Promise<number> {
  let from = { atMs: performance.now(), count: 0 };
  for (;;) {
    const { count } = totalOf(await settledSince(stack));
    const atMs = performance.now();
    if (count >= (7 * backlog) / 8) return ((count - from.count) / (atMs - from.atMs)) * 1_000;
    if (from.count === 0 && count >= backlog / 4) from = { atMs, count };
    await Bun.sleep(POLL_MS);
  }
}
