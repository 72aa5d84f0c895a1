/**
 * The journal keeps every payment safe: one is acknowledged only after its row is durable, and sent to
 * a processor only after its assignment is (PROTOCOL.md, I1 and I2).
 *
 *   pipeline ── append ──► group commit ── one batch ──► store (SQLite, one transaction, one fsync)
 *            ◄── result, when durable ──
 *
 * Group commit: everything appended while the last commit ran goes into the next one, so that all who
 * wait for an fsync share its cost. This interface is the seam behind which another store can stand;
 * journal.test.ts is the contract that every driver passes. Appending to a log file of our own was
 * refused: uniqueness for ever, recovery and a format that other tools read would all have to be
 * written again.
 */
export type * from "./transitions.ts";
export type * from "./journal/driver.ts";
export { openJournal } from "./journal/open.ts";
