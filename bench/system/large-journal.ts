/**
 * Measures what ten million settled payments in the journal cost: payments a second that are answered
 * 202, against the same gateway with an empty journal; and how long a worker takes from its start to its
 * being ready. Ready means that every summary is answered, and the first one is compared with the rows.
 */
import { byTurns, Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { auditJournal, auditSums } from "./audit.ts";
import { CONNECTIONS, loadGateway, type Load } from "./payments.ts";
import { MILLION, settledJournal, TEN_MILLION } from "./settled-journal.ts";
import { startStack, type StackOptions } from "./stack.ts";
import { NONE, totalOf } from "./sums.ts";

export const name = "system/large-journal";

const STARTS = [
  { what: "1 million", size: MILLION, mostMs: 1_500 },
  { what: "10 million", size: TEN_MILLION, mostMs: 5_000 },
];
/** This is "settling later" of accept-rate.ts: the way to the 202 alone. */
const LATER: StackOptions = { sync: "normal", delayMs: 1_000 };

export async function run(context: BenchContext): Promise<Row[]> {
  return [...(await starts(context)), await acceptance(context)];
}

async function starts(context: BenchContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { what, size, mostMs } of STARTS) {
    const { path, count } = settledJournal(context, size);
    const checks = new Checks();
    const figures: number[] = [];
    for (let round = 0; round < context.runs; round++) {
      await using stack = await startStack(context, { sync: "normal", apis: 0, settled: path });
      figures.push(stack.worker.readyMs);
      checks.equal("the first summary", totalOf(stack.before).count >= count, true);
      await auditSums(stack, NONE, checks);
      await auditJournal(stack, NONE, checks);
    }
    const note = `${count} settled; from the start of the worker to ready, its file in the page cache`;
    const target = { op: "<=", value: mostMs, of: "figure" } as const;
    rows.push(rowOf(`start: ${what} settled`, "ms", { figures }, checks, note, [target]));
  }
  return rows;
}

async function acceptance(context: BenchContext): Promise<Row> {
  const load: Load = context.quick
    ? { warmupMs: 50, durationMs: 100, ratePerSecond: null }
    : { warmupMs: 750, durationMs: 1_500, ratePerSecond: null };
  const { path, count } = settledJournal(context, TEN_MILLION);
  const checks = new Checks();
  const rateOf = (options: StackOptions) => async () =>
    (await loadGateway(context, options, load, checks)).perSecond;
  const measures = [rateOf(LATER), rateOf({ ...LATER, settled: path })];
  const [baselines = [], figures = []] = await byTurns(context.runs, measures);
  const note = `normal, settling later, ${CONNECTIONS} connections, ${count} settled; against an empty journal`;
  const target = { op: ">=", value: 0.8, of: "ratio" } as const;
  const series = { figures, baselines };
  return rowOf("accept: 10 million in the journal", "/s", series, checks, note, [target]);
}
