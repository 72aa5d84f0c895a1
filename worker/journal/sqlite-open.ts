/**
 * Knows which recent payments are not settled, so that pages need not read all that is recent
 * (sqlite-unsettled.ts) each time. A reader passes each payment once, when it is new to it; what was
 * settled then is so for ever, and what was not is looked at again with each question.
 */
import type { Database, Statement } from "bun:sqlite";
import { PAYMENT_STATES } from "../transitions.ts";
import { metaOf } from "./meta.ts";

const SETTLED = PAYMENT_STATES.indexOf("settled");

/** Selects what the view `unsettled` has, for a list of numbers from `OpenSeqs`. */
export const OPEN_AMONG = `(
  SELECT payments.* FROM stragglers CROSS JOIN payments USING (seq) WHERE state <> ${SETTLED}
  UNION ALL SELECT payments.* FROM json_each(?) CROSS JOIN payments ON seq = value
  WHERE state <> ${SETTLED})`;

export class OpenSeqs {
  readonly #db: Database;
  readonly #newOnes: Statement;
  readonly #ended: Statement;
  readonly #last: Statement;
  readonly #stragglers: Statement;
  #open = new Set<number>();
  #passedSeq = 0;

  constructor(db: Database) {
    this.#db = db;
    this.#newOnes = db.prepare(
      `SELECT seq FROM payments WHERE seq > ? AND seq >= ? AND state <> ${SETTLED}`,
    );
    this.#ended = db.prepare(
      `SELECT seq FROM json_each(?) CROSS JOIN payments ON seq = value WHERE state = ${SETTLED}`,
    );
    this.#last = db.prepare("SELECT max(seq) FROM payments");
    this.#stragglers = db.prepare("SELECT 1 FROM stragglers LIMIT 1");
  }

  /**
   * Gives those that are recent and not settled, as a JSON list; null when everything is settled, so that
   * nobody need ask. Called in a question's transaction.
   */
  read(): string | null {
    const border = metaOf(this.#db, "recent_from_seq") ?? 0;
    const ended = this.#open.size === 0 ? [] : (this.#ended.values(this.#list()) as [number][]);
    for (const [seq] of ended) this.#open.delete(seq);
    // Older ones are stragglers by now.
    for (const seq of this.#open) if (seq < border) this.#open.delete(seq);
    const found = this.#newOnes.values(this.#passedSeq, border) as [number][];
    for (const [seq] of found) this.#open.add(seq);
    const [[last]] = this.#last.values() as [[number | null]];
    this.#passedSeq = last ?? 0;
    const isAllSettled = this.#open.size === 0 && this.#stragglers.get() === null;
    return isAllSettled ? null : this.#list();
  }

  #list(): string {
    return JSON.stringify([...this.#open]);
  }
}
