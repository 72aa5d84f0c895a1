/**
 * Attempts that did not settle their payment. A payment that nobody answers for is tried for ever, so
 * only its first few and last few attempts are kept, and how many there were between them. Each attempt
 * that is written takes out the one that it makes superfluous; where a journal has more, it takes out a
 * few at a time, so that its cost does not grow with their number.
 */
import type { Database } from "bun:sqlite";
import { ATTEMPTS_KEPT } from "../../shared/attempts.ts";
import type { FailedAttempt } from "../transitions.ts";

/** Old journals kept all attempts: at this rate they are gone in hours, and nobody waits for it. */
const LEFT_OUT_AT_ONCE_MAX = 64;

export class SqliteAttempts {
  readonly #insert;
  readonly #superfluous;
  readonly #leaveOut;
  readonly #count;

  constructor(db: Database) {
    const { first, last } = ATTEMPTS_KEPT;
    this.#insert = db.prepare("INSERT INTO attempts VALUES (?, ?, ?, ?, ?)");
    this.#superfluous = db.prepare(
      `SELECT 1 FROM attempts WHERE seq = ? LIMIT 1 OFFSET ${first + last}`,
    );
    this.#leaveOut = db.prepare(
      `DELETE FROM attempts
       WHERE rowid IN (SELECT rowid FROM attempts WHERE seq = ?1
                       ORDER BY rowid DESC LIMIT ${LEFT_OUT_AT_ONCE_MAX} OFFSET ${last})
         AND rowid > (SELECT rowid FROM attempts WHERE seq = ?1
                      ORDER BY rowid LIMIT 1 OFFSET ${first - 1})`,
    );
    this.#count = db.prepare(
      `INSERT INTO attempts_left_out VALUES (?1, ?2)
       ON CONFLICT (seq) DO UPDATE SET count = count + ?2`,
    );
  }

  add(seq: number, { atMs, processor, outcome, reason }: FailedAttempt): void {
    this.#insert.run(seq, atMs, processor, outcome, reason);
    // This is asked first: nearly every payment has few, and a deletion takes longer than the rest.
    if (this.#superfluous.get(seq) === null) return;
    this.#count.run(seq, this.#leaveOut.run(seq).changes);
  }
}
