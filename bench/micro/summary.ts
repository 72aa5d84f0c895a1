/**
 * Times a summary over one million settled payments and over sixteen, all of them in the ring,
 * against a plain scan of the same columns, for windows of several widths. Rows come almost sorted
 * by requestedAt, as they do from a processor that answers some calls later than others.
 */
import { allocateLedger, columnsOf, LedgerWriter } from "../../worker/ledger.ts";
import { SummaryReader, type SummaryWindow, type Totals } from "../../worker/summary.ts";
import { Checks, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import { compare } from "../compare.ts";
import { seededRandom } from "../../testing/random.ts";

export const name = "micro/summary";

const START_MS = 1_700_000_000_000;
const JITTER_MS = 100;

const TIMES_AS_FAST = { op: ">=", value: 100, of: "ratio" } as const;

export function run(context: BenchContext): Row[] {
  const { quick } = context;
  return [
    ...rowsOver(context, "summary", quick ? 20_000 : 1_000_000, 10_000),
    ...rowsOver(context, "summary of 16 million", quick ? 40_000 : 16_000_000, 100_000),
  ];
}

function rowsOver(context: BenchContext, summary: string, rows: number, mostNs: number): Row[] {
  const targets: Target[] = [{ op: "<=", value: mostNs, of: "figure" }, TIMES_AS_FAST];
  const writer = filled(rows);
  const columns = columnsOf(writer.memory);
  const reader = new SummaryReader(writer.memory, () => {
    throw new Error("no row has left the ring");
  });
  const scan = ({ fromMs, toMs }: SummaryWindow): Totals => {
    const { requestedAtMs, amountCents, processor } = columns;
    const counts = new Float64Array(2);
    const cents = new Float64Array(2);
    for (let i = 0; i < rows; i++) {
      const atMs = requestedAtMs[i]!;
      if (atMs < fromMs || atMs > toMs) continue;
      counts[processor[i]!]! += 1;
      cents[processor[i]!]! += amountCents[i]!;
    }
    return { counts, cents };
  };
  return windowsOver(rows).map(([what, window]) => {
    const checks = new Checks();
    checks.equal(`the summary of ${what}`, reader.readNow(window), scan(window));
    const series = compare(context, {
      batch: 1,
      ours: () => reader.readNow(window),
      naive: () => scan(window),
    });
    const note = `against a scan of ${rows} rows`;
    return rowOf(`${summary}: ${what}`, "ns", series, checks, note, targets);
  });
}

function windowsOver(rows: number): [what: string, window: SummaryWindow][] {
  const endMs = START_MS + rows;
  return [
    ["everything", { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY }],
    ["the middle half", { fromMs: START_MS + rows / 4, toMs: START_MS + (3 * rows) / 4 }],
    ["the last 15 s but 1.5 s", { fromMs: endMs - 15_000, toMs: endMs - 1_500 }],
    ["one millisecond", { fromMs: START_MS + rows / 2, toMs: START_MS + rows / 2 }],
    ["nothing", { fromMs: endMs + 1_000_000, toMs: endMs + 2_000_000 }],
  ];
}

function filled(rows: number): LedgerWriter {
  const random = seededRandom(1);
  const writer = new LedgerWriter(allocateLedger(2 ** Math.ceil(Math.log2(rows)), 2));
  for (let i = 0; i < rows; i++) {
    const atMs = START_MS + i + Math.floor(random() * JITTER_MS);
    writer.append(atMs, 1 + Math.floor(random() * 100_000), random() < 0.9 ? 0 : 1);
  }
  return writer;
}
