/**
 * The gateway's own books of one processor: totals from the ledger's columns, ids from the journal's
 * file through a connection that cannot write. The columns are the running worker's, or were built
 * from the file.
 */
import type { Database } from "bun:sqlite";
import type { Sum } from "../../shared/http-api/audit.ts";
import type { SummaryReader, SummaryWindow } from "../summary.ts";
import { PAYMENT_STATES, type PaymentState } from "../transitions.ts";
import { uuidFromHex } from "../uuid.ts";

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

export interface Ours {
  totals(window: SummaryWindow): Sum;
  /** Gives payments that are settled at the processor, at most `limit`. */
  settled(window: SummaryWindow, limit: number): SettledHere[];
  /** An instant in the window, not its last, that about halves what is settled there. */
  middle(window: SummaryWindow): number;
  /** Gives payments at the processor that are not settled: under way, unknown, held, rejected or in conflict. */
  open(window: SummaryWindow, limit: number): SettledHere[];
  /** True while it belongs to this processor without being settled. */
  isOpen(correlationId: string): boolean;
  /** Gives others whose charge the processor may have recorded at one of these instants, likeliest first. */
  suspects(instantsMs: readonly number[], limit: number): Promise<OurPayment[]>;
}

type Row = [hex: string, cents: number, requestedAtMs: number];
type FullRow = [...Row, state: number, processor: number | null];

const SETTLED = PAYMENT_STATES.indexOf("settled");
/** Rows of this many blocks are few enough to sort; in more than these, blocks are counted. */
const BLOCKS_SORTED = 4;
/** A search through everything reads this many at a time; other questions come between. */
const SEQS_PER_READ = 20_000;
const OF_PAYMENT = "lower(hex(id)), amount_cents, requested_at_ms, state, processor";

export class JournalBooks implements Ours {
  readonly #db: Database;
  readonly #summary: SummaryReader;
  readonly #processor: number;
  readonly #attemptMsMax: number;

  /** `attemptMsMax` is the longest that an attempt may take from its `requestedAt` to its end. */
  constructor(db: Database, summary: SummaryReader, processor: number, attemptMsMax: number) {
    this.#db = db;
    this.#summary = summary;
    this.#processor = processor;
    this.#attemptMsMax = attemptMsMax;
  }

  totals(window: SummaryWindow): Sum {
    const { counts, cents } = this.#summary.read(window);
    return { count: counts[this.#processor] as number, cents: cents[this.#processor] as number };
  }

  settled({ fromMs, toMs }: SummaryWindow, limit: number): SettledHere[] {
    const rows = this.#db.query(
      `SELECT lower(hex(id)), ledger.amount_cents, ledger.requested_at_ms
       FROM ledger JOIN payments USING (seq)
       WHERE row >= ? AND row < ? AND ledger.processor = ${this.#processor}
         AND ledger.requested_at_ms BETWEEN ? AND ? LIMIT ?`,
    );
    const found: SettledHere[] = [];
    for (const { fromRow, toRow } of this.#summary.blocksOf({ fromMs, toMs }, this.#processor)) {
      const left = limit - found.length;
      if (left === 0) break;
      const values = rows.values(fromRow, toRow, fromMs, toMs, left) as Row[];
      for (const [hex, cents, requestedAtMs] of values) {
        const correlationId = uuidFromHex(hex);
        const where = { status: "settled", processor: this.#processor } as const;
        found.push({ correlationId, cents, requestedAtMs, ...where });
      }
    }
    return found;
  }

  middle(window: SummaryWindow): number {
    const { fromMs, toMs } = window;
    const blocks = [...this.#summary.blocksOf(window, this.#processor)];
    const middle = blocks.length > BLOCKS_SORTED ? middleOf(blocks) : this.#median(window);
    const isInside = middle !== null && middle >= fromMs && middle < toMs;
    return isInside ? middle : fromMs + Math.floor((toMs - fromMs - 1) / 2);
  }

  open({ fromMs, toMs }: SummaryWindow, limit: number): SettledHere[] {
    const rows = this.#db
      .query(
        `SELECT ${OF_PAYMENT} FROM unsettled
         WHERE processor = ${this.#processor} AND requested_at_ms BETWEEN ? AND ? LIMIT ?`,
      )
      .values(fromMs, toMs, limit) as FullRow[];
    return rows.map((row) => paymentOf(row) as SettledHere);
  }

  isOpen(correlationId: string): boolean {
    const open = `state <> ${SETTLED} AND processor = ${this.#processor}`;
    const row = this.#db.query(`SELECT 1 FROM payments WHERE id = unhex(?, '-') AND ${open}`);
    return row.get(correlationId) !== null;
  }

  /**
   * Gives payments that carry one of the instants themselves, at another processor say; then payments
   * with an attempt here that ended soon after one of them. The whole file is read, piece by piece: no
   * index is kept for a search that almost never happens.
   */
  async suspects(instantsMs: readonly number[], limit: number): Promise<OurPayment[]> {
    const instants = instantsMs.toSorted((a, b) => a - b);
    const found = new Map<number, OurPayment>();
    const list = instants.join(", ");
    await this.#scan("payments", "seq", (from, to) => {
      const rows = this.#db
        .query(
          `SELECT seq, ${OF_PAYMENT} FROM payments WHERE seq >= ? AND seq < ?
             AND requested_at_ms IN (${list}) AND (state <> ${SETTLED} OR processor <> ?)`,
        )
        .values(from, to, this.#processor) as [number, ...FullRow][];
      for (const [seq, ...row] of rows) found.set(seq, paymentOf(row));
      return found.size < limit;
    });
    const tried = new Map<number, number>();
    await this.#scan("attempts", "rowid", (from, to) => {
      const rows = this.#db
        .query("SELECT seq, at_ms FROM attempts WHERE rowid >= ? AND rowid < ? AND processor = ?")
        .values(from, to, this.#processor) as [seq: number, atMs: number][];
      for (const [seq, atMs] of rows) {
        const nearMs = sinceLast(instants, atMs);
        if (nearMs > this.#attemptMsMax || found.has(seq)) continue;
        tried.set(seq, Math.min(nearMs, tried.get(seq) ?? nearMs));
      }
      return true;
    });
    const bySeq = this.#db.query(`SELECT ${OF_PAYMENT} FROM payments WHERE seq = ?`);
    const nearest = [...tried].sort(([, a], [, b]) => a - b).slice(0, limit - found.size);
    for (const [seq] of nearest) {
      const [row] = bySeq.values(seq) as FullRow[];
      if (row !== undefined) found.set(seq, paymentOf(row));
    }
    return [...found.values()];
  }

  /** Calls `read` piece by piece for as long as it gives true. */
  async #scan(table: string, key: string, read: (from: number, to: number) => boolean) {
    const [ends] = this.#db.query(`SELECT min(${key}), max(${key}) FROM ${table}`).values();
    const [min, max] = ends as [number | null, number | null];
    if (min === null || max === null) return;
    for (let from = min; from <= max; from += SEQS_PER_READ) {
      if (!read(from, from + SEQS_PER_READ)) return;
      await new Promise(setImmediate);
    }
  }

  #median({ fromMs, toMs }: SummaryWindow): number | null {
    const times: number[] = [];
    const rows = this.#db.query(
      `SELECT requested_at_ms FROM ledger WHERE row >= ? AND row < ?
         AND processor = ${this.#processor} AND requested_at_ms BETWEEN ? AND ?`,
    );
    for (const { fromRow, toRow } of this.#summary.blocksOf({ fromMs, toMs }, this.#processor)) {
      for (const [atMs] of rows.values(fromRow, toRow, fromMs, toMs) as [number][])
        times.push(atMs);
    }
    times.sort((a, b) => a - b);
    return times[Math.floor((times.length - 1) / 2)] ?? null;
  }
}

function middleOf(blocks: readonly { readonly count: number; readonly maxMs: number }[]) {
  let left = blocks.reduce((sum, { count }) => sum + count, 0) / 2;
  return blocks.find(({ count }) => (left -= count) <= 0)?.maxMs ?? null;
}

function paymentOf([hex, cents, requestedAtMs, state, processor]: FullRow): OurPayment {
  const status = PAYMENT_STATES[state] as PaymentState;
  return { correlationId: uuidFromHex(hex), cents, requestedAtMs, status, processor };
}

/** Time since the last of the instants that is not later than `atMs`; infinite when there is none. */
function sinceLast(instants: readonly number[], atMs: number): number {
  const last = instants.findLast((instant) => instant <= atMs);
  return last === undefined ? Number.POSITIVE_INFINITY : atMs - last;
}
