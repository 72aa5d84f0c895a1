/**
 * Checks that a gateway kept its word, once it is quiet: its summary is what its processors have,
 * all of them together have what was accepted, and the journal has a settled row for each.
 */
import { Database } from "bun:sqlite";
import { PAYMENT_STATES } from "../../worker/transitions.ts";
import type { Checks } from "../benchmark.ts";
import type { Sum } from "../../testing/gateway.ts";
import type { BenchStack } from "./stack.ts";
import { minus, plus, summaryOf, sumsOf, totalOf } from "./sums.ts";

const SETTLE_MS_MAX = 120_000;
const POLL_MS = 20;

type Settled = Pick<BenchStack, "workerHttp" | "before" | "processors">;

/** Waits until all is settled that this stack accepted, and compares the sums of both sides. */
export async function auditSums(stack: Settled, accepted: Sum, checks: Checks): Promise<void> {
  const untilMs = performance.now() + SETTLE_MS_MAX;
  let summary = await settledSince(stack);
  while (totalOf(summary).count < accepted.count && performance.now() < untilMs) {
    await Bun.sleep(POLL_MS);
    summary = await settledSince(stack);
  }
  checks.equal("what the summary says is settled", totalOf(summary), accepted);
  checks.equal("the processors' own sums", await sumsOf(stack.processors), summary);
}

/** Sums by processor, without what the journal had before. */
export async function settledSince(stack: Settled): Promise<Sum[]> {
  const summary = await summaryOf(stack.workerHttp);
  return summary.map((sum, processor) => minus(sum, stack.before[processor] as Sum));
}

/** Stops the stack, and reads what it leaves behind. */
export async function auditJournal(
  stack: BenchStack,
  accepted: Sum,
  checks: Checks,
): Promise<void> {
  await stack.stop();
  const all = plus(totalOf(stack.before), accepted);
  checks.equal("the journal's settled payments", settledIn(stack.journalPath), all);
  checks.equal("the journal's ledger", ledgerIn(stack.journalPath), all);
}

/** Every payment must be settled: one in another state makes the sums differ. */
function settledIn(journal: string): Sum {
  const settled = PAYMENT_STATES.indexOf("settled");
  const sum = sumOf(
    journal,
    "SELECT count(*), sum(amount_cents), min(state), max(state) FROM payments",
  );
  if (sum.lowest !== settled || sum.highest !== settled) throw new Error("not all are settled");
  return { count: sum.count, cents: sum.cents };
}

function ledgerIn(journal: string): Sum {
  const { count, cents } = sumOf(journal, "SELECT count(*), sum(amount_cents), 0, 0 FROM ledger");
  return { count, cents };
}

function sumOf(journal: string, sql: string) {
  const db = new Database(journal, { readonly: true });
  const [row] = db.query(sql).values() as [number, number, number, number][];
  db.close();
  const [count, cents, lowest, highest] = row ?? [0, 0, -1, -1];
  return { count, cents, lowest, highest };
}
