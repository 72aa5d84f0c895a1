/**
 * Finds the payments that are not settled among ten million that are, without an index that every
 * acceptance and every move would have to write.
 *
 *   recent      from `recent_from_seq` (meta) on: few enough to be read one by one
 *   stragglers  before it: exactly those that are not settled, in a table of their numbers
 *
 * The view `unsettled` gives both, in the order of acceptance. The border moves on in the transaction
 * that has made enough payments recent: each is passed once, and the few that are not settled by then
 * are written down. A payment leaves the table by settling, which is for ever; no other move touches it.
 * So the table is as long as what is open, however old that is, and the border never has to wait.
 *
 * A border that stays at the first open payment was refused: a single one that no processor takes would
 * keep it there, and a start would read all that came after it.
 */
import type { Database, Statement } from "bun:sqlite";
import { PAYMENT_STATES } from "../transitions.ts";
import { metaOf } from "./meta.ts";

/** Bounds of what is recent, in payments. */
export type Recent = { readonly least: number; readonly step: number };
/**
 * More than are open at once when all is well, and read in a few milliseconds; a step takes about a tenth
 * of one.
 */
export const RECENT: Recent = { least: 32_768, step: 1_024 };

export class SqliteUnsettled {
  readonly #recent: Recent;
  readonly #note: Statement;
  readonly #moveOn: Statement;
  readonly #forget: Statement;
  #fromSeq: number;
  #lastSeq = 0;
  /** The last that is durable. */
  #heldSeq = 0;

  constructor(db: Database, recent: Recent) {
    this.#recent = recent;
    this.#fromSeq = metaOf(db, "recent_from_seq") ?? 0;
    this.#note = db.prepare(
      `INSERT INTO stragglers SELECT seq FROM payments
       WHERE seq >= ? AND seq < ? AND state <> ${PAYMENT_STATES.indexOf("settled")}`,
    );
    this.#moveOn = db.prepare("INSERT OR REPLACE INTO meta VALUES ('recent_from_seq', ?)");
    this.#forget = db.prepare("DELETE FROM stragglers WHERE seq = ?");
  }

  /** To be called for each that is stored, and for the last that is there at a start. */
  accepted(seq: number): void {
    if (seq < this.#fromSeq) throw new Error(`payment ${seq} comes after later ones`);
    this.#lastSeq = seq;
  }

  settled(seq: number): void {
    if (seq < this.#fromSeq) this.#forget.run(seq);
  }

  /** Writes down who is recent, in the caller's transaction; to be told to `holds` once that is durable, or `undone`. */
  moveOn(): number {
    const fromSeq = this.#lastSeq - this.#recent.least;
    if (fromSeq - this.#fromSeq < this.#recent.step) return this.#fromSeq;
    this.#note.run(this.#fromSeq, fromSeq);
    this.#moveOn.run(fromSeq);
    return fromSeq;
  }

  holds(fromSeq: number): void {
    this.#fromSeq = fromSeq;
    this.#heldSeq = this.#lastSeq;
  }

  /** Forgets what was accepted since: a border beyond the last payment would be in the way of the next start. */
  undone(): void {
    this.#lastSeq = this.#heldSeq;
  }
}
