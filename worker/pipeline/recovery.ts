/**
 * Takes up what the journal holds: at a start, and where several workers share it, when one gains shards.
 *
 *   settled             a row of the ledger, before any summary is answered
 *   accepted            queued: it belongs to nobody
 *   assigned, unknown   unknown: a call may have left before the process died; the journal says so, too
 *   held                held, with its processor if it had one, until an operator releases it
 *   rejected, conflict  counted and listed: an operator's
 */
import type { Clock } from "../../shared/clock.ts";
import { paymentOf } from "../../shared/payment.ts";
import type { Journal, OpenRow, PaymentState } from "../journal.ts";
import { BLOCK_ROWS, type LedgerWriter } from "../ledger.ts";
import type { OpenPayment, OpenState } from "../payment.ts";

/** Bounds the memory that a start takes. */
const BLOCK_TOTALS_PER_READ = 8_192;

export type Recovered = {
  /** In the order in which they were accepted. */
  readonly open: OpenPayment[];
  /** Open payments that the journal has as on their way to a processor: no call is, after a start. */
  readonly cutShort: OpenPayment[];
  readonly waitingForOperator: Map<PaymentState, number>;
};

/** Reads the open payments; in these shards, where several workers share the journal. */
export async function openPaymentsOf(
  options: {
    readonly clock: Clock;
    readonly journal: Journal;
    readonly patienceMs: number;
  },
  shards?: readonly number[],
): Promise<Recovered> {
  const { journal, clock, patienceMs } = options;
  const waitingForOperator = new Map<PaymentState, number>();
  const recovered: Recovered = { open: [], cutShort: [], waitingForOperator };
  // A deadline is kept on the steady clock; acceptance was noted on the wall clock.
  const toSteadyMs = clock.steadyMs() - clock.wallMs();
  for (const row of await journal.open(shards)) {
    const state = stateAfterStart(row);
    if (state === null) {
      waitingForOperator.set(row.state, (waitingForOperator.get(row.state) ?? 0) + 1);
      continue;
    }
    const { seq, correlationId, amountCents, source, reference, acceptedAtMs, isClaimed } = row;
    // A wall clock that was set back must not give a payment more patience than a new one has.
    const deadlineMs = Math.min(acceptedAtMs + toSteadyMs, clock.steadyMs()) + patienceMs;
    const payment = paymentOf(correlationId, amountCents, source, reference);
    const calls = {
      isOpen: false,
      refusals: 0,
      rejectedBy: null,
      calls: 0,
      quietSinceMs: clock.steadyMs(),
    };
    const found = { seq, payment, acceptedAtMs, deadlineMs, state, isClaimed, ...calls };
    recovered.open.push(found);
    if (row.state === "assigned") recovered.cutShort.push(found);
  }
  return recovered;
}

type StateAfterStart = Extract<OpenState, { kind: "queued" | "unknown" | "held" }>;

/** The table above; null for what is parked. */
export function stateAfterStart({ state, assignment }: OpenRow): StateAfterStart | null {
  switch (state) {
    case "accepted":
      return { kind: "queued" };
    case "assigned":
    case "unknown":
      if (assignment === null) throw new Error(`an ${state} payment without an assignment`);
      return { kind: "unknown", assignment };
    case "held":
      return { kind: "held", assignment };
    case "rejected":
    case "conflict":
      return null;
    case "settled":
      throw new Error("a settled payment is not open");
  }
}

/**
 * Takes full blocks by their totals and rows of the last block alone: the ring is filled behind the start, so that
 * a start does not depend on how many rows it holds.
 */
export async function rebuildLedger(journal: Journal, ledger: LedgerWriter): Promise<void> {
  const { nextRow } = journal.head;
  const sealedRow = Math.floor(nextRow / BLOCK_ROWS) * BLOCK_ROWS;
  // Rows that several workers share are summed elsewhere, and only numbered here.
  const isSummed = journal.shared === undefined;
  const baseRow = isSummed ? journal.head.baseRow : Math.max(journal.head.baseRow, sealedRow);
  ledger.startAt(baseRow);
  const blocks = Math.max(1, Math.floor(BLOCK_TOTALS_PER_READ / ledger.memory.processors));
  for (let row = baseRow; row < sealedRow; row += blocks * BLOCK_ROWS) {
    const endRow = Math.min(sealedRow, row + blocks * BLOCK_ROWS);
    for (const totals of await journal.blocks(row, endRow)) ledger.restoreBlock(totals);
  }
  if (ledger.head < nextRow) ledger.restoreRows(await journal.rows(ledger.head, nextRow));
  if (ledger.head !== nextRow) {
    throw new Error(`the journal's ledger has a gap: ${nextRow} rows, ${ledger.head} found`);
  }
}
