/**
 * Every fact stands twice in the file, so that a bit that has changed is seen. SQLite compares an index
 * with its table, and cannot tell that a number in a table has become another number.
 *
 *   payments          a sum over the columns; the id's own index
 *   ledger            the columns of its payment
 *   stragglers        the states of payments
 *   sources           the print of each that is not forgotten; an index has the prints
 *   the format's number       in the header and in meta
 *   all others, which are small or seldom written   an index of every column
 *
 * Every move adds to the sum what its columns change by. Made anew from the row, it would make a number
 * right that has turned over meanwhile.
 */
import type { Database } from "bun:sqlite";
import { PAYMENT_STATES, type Transition } from "../transitions.ts";
import { uuidFromHex } from "../uuid.ts";
import { printOf } from "./source-print.ts";

const SETTLED = PAYMENT_STATES.indexOf("settled");
const ENDED = (["settled", "rejected", "conflict"] as const).map((s) => PAYMENT_STATES.indexOf(s));
/** A prime, so that no bit of any column goes unseen; the sum takes two bytes a row. */
const MODULUS = 32_749;
/** A null weighs nothing, and so does being settled. */
const WEIGHTS = {
  seq: 3,
  amount_cents: 5,
  accepted_at_ms: 7,
  state: 19,
  processor: 11,
  requested_at_ms: 13,
  settled_at_ms: 17,
} as const;
const FINDINGS_MAX = 3;

export type Fact = keyof typeof WEIGHTS;
export const FACTS = Object.keys(WEIGHTS) as readonly Fact[];
/** Columns that are about to be set, each with its value, as SQL. */
type Changed = Readonly<Partial<Record<Fact, string>>>;

/** Gives the sum over a payment's row as it will be, as SQL. */
export function sumOf(changed: Changed = {}): string {
  return `(${weighed(changed)}) % ${MODULUS}`;
}

/** Gives the sum after a move, by the one before it, as SQL. */
export function sumAfter(changed: Changed): string {
  const terms = Object.entries(changed).map(
    ([fact, value]) => `${WEIGHTS[fact as Fact]} * (ifnull(${value}, 0) - ifnull(${fact}, 0))`,
  );
  return `(sum + ${terms.join(" + ")}) % ${MODULUS}`;
}

/** Gives the sum over the row of a payment that is accepted, whose state has this code. */
export function sumAtAcceptance(
  { seq, amountCents, acceptedAtMs, assignment }: Extract<Transition, { kind: "accept" }>,
  code: number,
): number {
  let sum =
    seq * WEIGHTS.seq +
    amountCents * WEIGHTS.amount_cents +
    acceptedAtMs * WEIGHTS.accepted_at_ms +
    (code - SETTLED) * WEIGHTS.state;
  if (assignment !== null) {
    sum += assignment.processor * WEIGHTS.processor;
    sum += assignment.requestedAtMs * WEIGHTS.requested_at_ms;
  }
  return sum % MODULUS;
}

function weighed(changed: Changed): string {
  const terms = FACTS.map((fact) => `ifnull(${changed[fact] ?? fact}, 0) * ${WEIGHTS[fact]}`);
  return `${terms.join(" + ")} - ${SETTLED * WEIGHTS.state}`;
}

/** Compares which facts a row has with what has become of the payment; `worker prune` takes times away. */
const HAS_ITS_FACTS = `iif(state = ${SETTLED},
  processor IS NOT NULL AND (requested_at_ms IS NULL) = (settled_at_ms IS NULL),
  settled_at_ms IS NULL AND (requested_at_ms IS NULL) = (processor IS NULL))`;
/** Rows that were settled before the sum was introduced have none: their ledger's rows are their copy. */
const MAY_LACK_SUM = `state = ${SETTLED} AND coalesce(requested_at_ms, settled_at_ms) IS NOT NULL`;
/** Formats 4 and 5 have those that are not settled in an index of every column. */
const OPEN_IN_INDEX = `state <> ${SETTLED} OR (${MAY_LACK_SUM})`;

/** Finds copies that do not agree and that SQLite does not compare itself, in any version's journal. */
export function disagreements(db: Database): string[] {
  if (!hasColumn(db, "ledger", "seq")) return [];
  const found = [...otherFormat(db), ...ledgerRowsWithoutPayment(db), ...gapsInLedger(db)];
  if (!hasColumn(db, "payments", "sum")) return found;
  if (!hasColumn(db, "stragglers", "seq"))
    return [...paymentsWithOtherSum(db, OPEN_IN_INDEX), ...found];
  const others = [...otherStragglers(db), ...otherSources(db), ...found];
  return [...paymentsWithOtherSum(db, MAY_LACK_SUM), ...others];
}

/** Journals of before the number have 0 in the header, and 1 in the table. */
function otherFormat(db: Database): string[] {
  const sql = `SELECT coalesce((SELECT value FROM meta WHERE key = 'schema'), 1) AS schema
    FROM pragma_user_version WHERE schema <> max(user_version, 1)`;
  return numbers(db, sql).map((schema) => `its header has another format than ${schema}`);
}

function paymentsWithOtherSum(db: Database, mayLackSum: string): string[] {
  const sql = `SELECT seq FROM payments NOT INDEXED
    WHERE iif(sum IS NULL, NOT (${mayLackSum}),
      (${weighed({})} - sum) % ${MODULUS} <> 0 OR NOT (${HAS_ITS_FACTS}))
    LIMIT ${FINDINGS_MAX}`;
  return numbers(db, sql).map((seq) => `payment ${seq} has another sum than its columns`);
}

/** Payments that a start would not find, or would find though they are settled. */
function otherStragglers(db: Database): string[] {
  const sql = `SELECT seq FROM payments NOT INDEXED
      WHERE state <> ${SETTLED} AND seq < ${RECENT_FROM_SEQ} AND seq NOT IN (SELECT seq FROM stragglers)
    UNION ALL SELECT stragglers.seq FROM stragglers LEFT JOIN payments USING (seq)
      WHERE ifnull(state, ${SETTLED}) = ${SETTLED} OR seq >= ${RECENT_FROM_SEQ}
    LIMIT ${FINDINGS_MAX}`;
  return numbers(db, sql).map(
    (seq) => `the table of stragglers has or lacks payment ${seq}, which is not so`,
  );
}

/** Sources that are not what their print is of, and those of no payment or of one that has ended. */
function otherSources(db: Database): string[] {
  if (!hasColumn(db, "sources", "print")) return [];
  const rows = db
    .query(
      `SELECT sources.seq, print, source, lower(hex(id)), ifnull(state, ${ENDED[0]}) IN (${ENDED})
       FROM sources LEFT JOIN payments USING (seq) WHERE source IS NOT NULL OR id IS NULL`,
    )
    .values() as [seq: number, print: number, source: string | null, hex: string, ended: 0 | 1][];
  const wrong = rows.filter(([, print, source, hex, ended]) => {
    return source === null || ended === 1 || printOf(uuidFromHex(hex), source) !== print;
  });
  return wrong.slice(0, FINDINGS_MAX).map(([seq]) => `the source of payment ${seq} is not its own`);
}

const RECENT_FROM_SEQ = "(SELECT value FROM meta WHERE key = 'recent_from_seq')";

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
