/**
 * The tariffs as they lie in the journal. Which one a payment was charged under stands in no row of it:
 * it follows from the payment's processor and `requestedAt`, since a tariff begins a millisecond behind
 * the newest `requestedAt` of all payments that anybody was sent before. So the newest has to be known,
 * of those that a purge forgets, too.
 */
import type { Database } from "bun:sqlite";
import { readTerms, termsOf } from "../fee-terms.ts";
import { beginningWith, type KnownTariff, type Priced } from "../tariffs.ts";
import { BLOCK_ROWS, type OpenRow } from "../transitions.ts";
import { metaOf } from "./meta.ts";

type Values = [number: number, processor: number, fromMs: number, terms: string | null];

/** Newest `requestedAt` of the ledger, and of what was purged of it; null when there is none. */
const NEWEST = `SELECT max(ms) AS ms FROM (
  SELECT max(max_ms) AS ms FROM blocks
  UNION ALL SELECT max(requested_at_ms) FROM ledger
    WHERE row >= (SELECT coalesce(max(block) + 1, 0) * ${BLOCK_ROWS} FROM blocks)
  UNION ALL SELECT value FROM meta WHERE key = 'requested_up_to_ms')`;

export class SqliteTariffs {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  known(): KnownTariff[] {
    const sql = "SELECT number, processor, from_ms, terms FROM tariffs ORDER BY number";
    return (this.#db.query(sql).values() as Values[]).map(([number, processor, fromMs, text]) => {
      return { number, processor, fromMs, terms: text === null ? null : readTerms(text) };
    });
  }

  /**
   * Begins tariffs where what is configured differs from what was in force; gives all. Called at start, in
   * a transaction: every full block has its sums, and `open` gives the payments that are not settled.
   */
  begin(
    configured: readonly Priced[],
    open: () => Iterable<Pick<OpenRow, "assignment">>,
    nowMs: number,
  ): KnownTariff[] {
    const known = this.known();
    const newest = () => {
      const { ms } = this.#db.query(NEWEST).get() as { ms: number | null };
      let newestMs = ms ?? Number.NEGATIVE_INFINITY;
      for (const { assignment } of open()) {
        newestMs = Math.max(newestMs, assignment?.requestedAtMs ?? newestMs);
      }
      // Nobody here knows what was sent after the copy was made.
      return metaOf(this.#db, "restored_at_ms") === null ? newestMs : Math.max(newestMs, nowMs);
    };
    const begun = beginningWith(known, configured, newest);
    const insert = this.#db.prepare("INSERT INTO tariffs VALUES (?, ?, ?, ?)");
    for (const { number, processor, fromMs, terms } of begun) {
      insert.run(number, processor, fromMs, terms === null ? null : termsOf(terms));
    }
    return [...known, ...begun];
  }

  /** Keeps what `begin` has to know of the ledger; called before a purge empties it. */
  beforePurge(): void {
    this.#db.run(
      `INSERT OR REPLACE INTO meta
       SELECT 'requested_up_to_ms', ms FROM (${NEWEST}) WHERE ms IS NOT NULL`,
    );
  }
}
