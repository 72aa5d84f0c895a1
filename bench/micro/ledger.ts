/** Times appending a settled payment to the ledger's columns, against pushing an object onto an array. */
import { allocateLedger, LedgerWriter } from "../../worker/ledger.ts";
import { SummaryReader } from "../../worker/summary.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { compare } from "../compare.ts";

export const name = "micro/ledger";

const BATCH = 1_024;
const SLOTS = 65_536;
const START_MS = 1_700_000_000_000;

export function run(context: BenchContext): Row[] {
  const checks = new Checks();
  checkSums(checks);
  const writer = new LedgerWriter(allocateLedger(SLOTS, 2));
  let array: object[] = [];
  const ours = () => {
    for (let i = 0; i < BATCH; i++) writer.append(START_MS + i, 1_990, i & 1);
    return writer.head;
  };
  const naive = () => {
    if (array.length >= SLOTS) array = [];
    for (let i = 0; i < BATCH; i++) {
      array.push({ requestedAtMs: START_MS + i, amountCents: 1_990, processor: i & 1 });
    }
    return array;
  };
  const series = compare(context, { batch: BATCH, ours, naive });
  const note = "against push({…}) onto an array";
  const target = { op: "<=", value: 100, of: "figure" } as const;
  return [rowOf("ledger: append", "ns", series, checks, note, [target])];
}

function checkSums(checks: Checks): void {
  const writer = new LedgerWriter(allocateLedger(4_096, 2));
  const counts = [0, 0];
  const cents = [0, 0];
  for (let i = 0; i < 3_000; i++) {
    const processor = i % 3 === 0 ? 1 : 0;
    writer.append(START_MS + i, i + 1, processor);
    counts[processor]! += 1;
    cents[processor]! += i + 1;
  }
  const reader = new SummaryReader(writer.memory, () => {
    throw new Error("no row has left the ring");
  });
  const totals = reader.readNow({
    fromMs: Number.NEGATIVE_INFINITY,
    toMs: Number.POSITIVE_INFINITY,
  });
  checks.equal("counts of what was appended", [...totals.counts], counts);
  checks.equal("cents of what was appended", [...totals.cents], cents);
}
