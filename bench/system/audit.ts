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
  using db = new Database(stack.journalPath, { readonly: true });
  const sumIn = (table: string) =>
    db.query<Sum, []>(`SELECT count(*) AS count, sum(amount_cents) AS cents FROM ${table}`).get();
  checks.equal("the journal's payments", sumIn("payments"), all);
  checks.equal("the journal's settled payments", sumIn(`payments WHERE state = ${SETTLED}`), all);
  checks.equal("the journal's ledger", sumIn("ledger"), all);
}

/** Rows in another state than settled are payments that are missing in their sum. */
const SETTLED = PAYMENT_STATES.indexOf("settled");
