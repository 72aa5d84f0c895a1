/**
 * Every fact stands twice in the file, so that a bit that has changed is seen. SQLite compares an index
 * with its table, and cannot tell that a number in a table has become another number.
 *
 *   payments, while open      an index of every column; the id's own index for ever
 *   payments, once settled    a sum over the columns, which never change again but by `worker prune`
 *   ledger                    the columns of its payment
 *   the format's number       in the header and in meta
 *   all others, which are small or seldom written   an index of every column
 *
 * A sum in each row from the start was refused: every move of a payment would have to write it anew.
 */
import type { Database } from "bun:sqlite";
import { PAYMENT_STATES } from "../transitions.ts";

const SETTLED = PAYMENT_STATES.indexOf("settled");
/** A prime, so that no bit of any column goes unseen; the sum takes two bytes a row. */
const MODULUS = 32_749;
const FINDINGS_MAX = 3;

/**
 * Gives the sum over a settled payment's row, as SQL. Rows settled before the sum was introduced have
 * none, and their ledger's rows are their copy. The value of `settled_at_ms` is given where it is about
 * to be set.
 */
export function sumOfSettled(settledAtMs = "settled_at_ms"): string {
  return `(seq * 3 + amount_cents * 5 + accepted_at_ms * 7 + processor * 11
    + requested_at_ms * 13 + ${settledAtMs} * 17) % ${MODULUS}`;
}

/** Gives the sum over the row of a settled payment whose times were pruned. */
export const SUM_OF_PRUNED = `(seq * 3 + amount_cents * 5 + accepted_at_ms * 7 + processor * 11) % ${MODULUS}`;
const IS_PRUNED = `state = ${SETTLED} AND requested_at_ms IS NULL AND settled_at_ms IS NULL`;

/** Finds copies that do not agree and that SQLite does not compare itself, in any version's journal. */
export function disagreements(db: Database): string[] {
  if (!hasColumn(db, "ledger", "seq")) return [];
  const found = [...otherFormat(db), ...ledgerRowsWithoutPayment(db), ...gapsInLedger(db)];
  return hasColumn(db, "payments", "sum") ? [...paymentsWithOtherSum(db), ...found] : found;
}

/** Journals of before the number have 0 in the header, and 1 in the table. */
function otherFormat(db: Database): string[] {
  const sql = `SELECT coalesce((SELECT value FROM meta WHERE key = 'schema'), 1) AS schema
    FROM pragma_user_version WHERE schema <> max(user_version, 1)`;
  return numbers(db, sql).map((schema) => `its header has another format than ${schema}`);
}

function paymentsWithOtherSum(db: Database): string[] {
  const sql = `SELECT seq FROM payments NOT INDEXED
    WHERE (state <> ${SETTLED} AND (sum IS NOT NULL OR settled_at_ms IS NOT NULL))
      OR (${IS_PRUNED} AND sum IS NOT ${SUM_OF_PRUNED})
      OR (NOT (${IS_PRUNED}) AND
        (sum <> ${sumOfSettled()} OR (sum IS NOT NULL AND ${sumOfSettled()} IS NULL)))
    LIMIT ${FINDINGS_MAX}`;
  return numbers(db, sql).map((seq) => `payment ${seq} has another sum than its columns`);
}

function ledgerRowsWithoutPayment(db: Database): string[] {
  const sql = `SELECT row FROM ledger LEFT JOIN payments ON payments.seq = ledger.seq
    WHERE payments.state IS NOT ${SETTLED} OR payments.processor IS NOT ledger.processor
      OR payments.requested_at_ms IS NOT ledger.requested_at_ms
      OR payments.amount_cents IS NOT ledger.amount_cents
    LIMIT ${FINDINGS_MAX}`;
  return numbers(db, sql).map((row) => `row ${row} of the ledger is not what its payment says`);
}

function gapsInLedger(db: Database): string[] {
  const sql = `SELECT count(*) FROM ledger HAVING count(*) > 0 AND
    (count(*) <> max(row) - min(row) + 1 OR min(row) <>
      coalesce((SELECT value FROM meta WHERE key = 'base_row'), 0))`;
  return numbers(db, sql).map((count) => `the ledger's ${count} rows are not consecutive`);
}

function numbers(db: Database, sql: string): number[] {
  return db.query(sql).values().flat() as number[];
}

function hasColumn(db: Database, table: string, column: string): boolean {
  const sql = "SELECT 1 FROM pragma_table_info(?) WHERE name = ?";
  return db.query(sql).all(table, column).length > 0;
}
