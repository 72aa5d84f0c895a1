/** The ledger's rows as they lie in the journal: for the start, to fill the ring, and for windows older than it. */
import type { Database, Statement } from "bun:sqlite";
import type { Instants, SumsOfRows } from "../journal-reader.ts";
import type { BlockTotals, LedgerRows } from "../transitions.ts";

type RowValues = [requestedAtMs: number, amountCents: number, processor: number];
type TotalValues = [processor: number, minMs: number, maxMs: number, count: number, cents: number];

export class SqliteLedger {
  readonly #rows: Statement;
  readonly #count: Statement;
  readonly #sums: Statement;
  readonly #totals: Statement;

  constructor(db: Database) {
    this.#rows = db.prepare(
      "SELECT requested_at_ms, amount_cents, processor FROM ledger WHERE row >= ? AND row < ? ORDER BY row",
    );
    this.#count = db.prepare("SELECT count(*) FROM ledger WHERE row >= ? AND row < ?");
    this.#sums = db.prepare(
      `SELECT processor, count(*), sum(amount_cents) FROM ledger
       WHERE row >= ? AND row < ? AND requested_at_ms BETWEEN ? AND ? GROUP BY processor`,
    );
    this.#totals = db.prepare(
      `SELECT processor, min(requested_at_ms), max(requested_at_ms), count(*), sum(amount_cents)
       FROM ledger WHERE row >= ? AND row < ? GROUP BY processor`,
    );
  }

  /** Rows from `fromRow` up to, not including, `toRow`. */
  rows(fromRow: number, toRow: number): LedgerRows {
    const values = this.#rows.values(fromRow, toRow) as RowValues[];
    const requestedAtMs = new Float64Array(values.length);
    const amountCents = new Float64Array(values.length);
    const processor = new Float64Array(values.length);
    for (const [i, row] of values.entries()) {
      requestedAtMs[i] = row[0];
      amountCents[i] = row[1];
      processor[i] = row[2];
    }
    return { requestedAtMs, amountCents, processor };
  }

  /** Sums rows of a window, whose bounds may be infinite. */
  sumsOf(fromRow: number, toRow: number, { fromMs, toMs }: Instants): SumsOfRows {
    const [[rows]] = this.#count.values(fromRow, toRow) as [[number]];
    return {
      rows,
      sums: this.#sums.values(fromRow, toRow, fromMs, toMs) as [number, number, number][],
    };
  }

  totals(fromRow: number, toRow: number, processors: number): BlockTotals {
    const counts = new Array<number>(processors).fill(0);
    const cents = new Array<number>(processors).fill(0);
    let minMs = Number.POSITIVE_INFINITY;
    let maxMs = Number.NEGATIVE_INFINITY;
    for (const row of this.#totals.values(fromRow, toRow) as TotalValues[]) {
      const [processor, min, max, count, sum] = row;
      minMs = Math.min(minMs, min);
      maxMs = Math.max(maxMs, max);
      counts[processor] = count;
      cents[processor] = sum;
    }
    return { minMs, maxMs, counts, cents };
  }
}
