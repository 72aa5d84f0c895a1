/**
 * The gateway's own books of one processor: totals from the ledger's columns, ids from the journal
 * through a connection that cannot write. The columns are the running worker's, or were built from the
 * journal's file.
 */
import type { Sum } from "../../shared/http-api/audit.ts";
import type { JournalReader, PaymentRecord } from "../journal-reader.ts";
import type { BlockRows, SummaryReader, SummaryWindow } from "../summary.ts";
import type { PaymentState } from "../transitions.ts";

/** A payment as the journal has it. */
export type OurPayment = {
  readonly correlationId: string;
  readonly cents: number;
  /** Null while it belongs to no processor. */
  readonly requestedAtMs: number | null;
  readonly status: PaymentState;
  /** Number of the processor that it belongs to. */
  readonly processor: number | null;
};
export type SettledHere = OurPayment & { readonly requestedAtMs: number };

/** Each rejects when the journal cannot be asked. */
export interface Ours {
  totals(window: SummaryWindow): Promise<Sum>;
  /** Gives payments that are settled at the processor, at most `limit`. */
  settled(window: SummaryWindow, limit: number): Promise<SettledHere[]>;
  /** An instant in the window, not its last, that about halves what is settled there. */
  middle(window: SummaryWindow): Promise<number>;
  /** Gives payments at the processor that are not settled: under way, unknown, held, rejected or in conflict. */
  open(window: SummaryWindow, limit: number): Promise<SettledHere[]>;
  /** True while it belongs to this processor without being settled. */
  isOpen(correlationId: string): Promise<boolean>;
  /** Gives others whose charge the processor may have recorded at one of these instants, likeliest first. */
  suspects(instantsMs: readonly number[], limit: number): Promise<OurPayment[]>;
}

/** Rows of this many blocks are few enough to sort; in more than these, blocks are counted. */
const BLOCKS_SORTED = 4;

export class JournalBooks implements Ours {
  readonly #journal: JournalReader;
  readonly #summary: SummaryReader;
  readonly #processor: number;
  readonly #attemptMsMax: number;

  /** `attemptMsMax` is the longest that an attempt may take from its `requestedAt` to its end. */
  constructor(
    journal: JournalReader,
    summary: SummaryReader,
    processor: number,
    attemptMsMax: number,
  ) {
    this.#journal = journal;
    this.#summary = summary;
    this.#processor = processor;
    this.#attemptMsMax = attemptMsMax;
  }

  async totals(window: SummaryWindow): Promise<Sum> {
    const { counts, cents } = await this.#summary.read(window);
    return { count: counts[this.#processor] as number, cents: cents[this.#processor] as number };
  }

  async settled(window: SummaryWindow, limit: number): Promise<SettledHere[]> {
    const where = { status: "settled", processor: this.#processor } as const;
    const found: SettledHere[] = [];
    for (const block of this.#summary.blocksOf(window, this.#processor)) {
      const left = limit - found.length;
      if (left === 0) break;
      const rows = await this.#journal.settledIn(this.#processor, block, window, left);
      for (const { correlationId, amountCents: cents, requestedAtMs } of rows) {
        found.push({ correlationId, cents, requestedAtMs, ...where });
      }
    }
    return found;
  }

  async middle(window: SummaryWindow): Promise<number> {
    const { fromMs, toMs } = window;
    const blocks = [...this.#summary.blocksOf(window, this.#processor)];
    const middle =
      blocks.length > BLOCKS_SORTED ? middleOf(blocks) : await this.#median(blocks, window);
    const isInside = middle !== null && middle >= fromMs && middle < toMs;
    return isInside ? middle : fromMs + Math.floor((toMs - fromMs - 1) / 2);
  }

  async open(window: SummaryWindow, limit: number): Promise<SettledHere[]> {
    const open = await this.#journal.openAt(this.#processor, window, limit);
    return open.map((payment) => paymentOf(payment) as SettledHere);
  }

  async isOpen(correlationId: string): Promise<boolean> {
    const found = await this.#journal.payment(correlationId);
    return found !== null && found.state !== "settled" && found.processor === this.#processor;
  }

  /**
   * Gives payments that carry one of the instants themselves, at another processor say; then payments
   * with an attempt here that ended soon after one of them.
   */
  async suspects(instantsMs: readonly number[], limit: number): Promise<OurPayment[]> {
    const asked = await this.#journal.requestedAt(instantsMs, this.#processor, limit);
    const found = new Map(asked.map((payment) => [payment.correlationId, paymentOf(payment)]));
    const tried = await this.#journal.attemptsAfter(
      this.#processor,
      instantsMs,
      this.#attemptMsMax,
    );
    for (const [id] of [...tried].sort(([, a], [, b]) => a - b)) {
      if (found.size >= limit) break;
      const payment = found.has(id) ? null : await this.#journal.payment(id);
      if (payment !== null) found.set(id, paymentOf(payment));
    }
    return [...found.values()];
  }

  async #median(blocks: readonly BlockRows[], { fromMs, toMs }: SummaryWindow) {
    const times: number[] = [];
    for (const { fromRow, toRow } of blocks) {
      const { requestedAtMs, processor } = await this.#journal.rows(fromRow, toRow);
      for (const [i, atMs] of requestedAtMs.entries()) {
        const isHere = processor[i] === this.#processor && atMs >= fromMs && atMs <= toMs;
        if (isHere) times.push(atMs);
      }
    }
    times.sort((a, b) => a - b);
    return times[Math.floor((times.length - 1) / 2)] ?? null;
  }
}

function middleOf(blocks: readonly { readonly count: number; readonly maxMs: number }[]) {
  let left = blocks.reduce((sum, { count }) => sum + count, 0) / 2;
  return blocks.find(({ count }) => (left -= count) <= 0)?.maxMs ?? null;
}

function paymentOf(payment: PaymentRecord): OurPayment {
  const { correlationId, amountCents: cents, requestedAtMs, state: status, processor } = payment;
  return { correlationId, cents, requestedAtMs, status, processor };
}
