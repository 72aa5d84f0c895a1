/**
 * Forgets what is settled and was requested before an instant, in a journal that no worker is at.
 *
 *   ledger, blocks           the oldest rows, by whole blocks, as far as most are older than the instant; a
 *                            row of the instant or later, as of a clock that ran ahead, goes behind the
 *                            newest; in the same transaction `base_row` moves, and `pruned_before_ms`
 *   payments without a row   lose `requested_at_ms` and `settled_at_ms`; their attempts go
 *
 * Rows that webhooks have not come to stay, whole blocks of them, as long as somebody is told: nobody could be
 * told of them afterwards. What failed and is tried again has its own body (sqlite-webhooks.ts).
 *
 * A payment keeps its number, id, amount, processor, acceptance and the decisions of operators for ever; its
 * id is answered as before. Payments that are not settled are left alone. Each step is one transaction of a
 * bounded size, and leaves a journal that is whole: after a kill the next run does the rest. The ledger
 * goes first, so that no row of it ever lacks its payment's copy (copies.ts).
 */
import type { Database } from "bun:sqlite";
import { positionOf } from "../event-position.ts";
import { BLOCK_ROWS, PAYMENT_STATES } from "../transitions.ts";
import { sumOf } from "./copies.ts";
import { metaOf } from "./meta.ts";

/** Rows and payments of one transaction: about a megabyte of the log. */
const ROWS_AT_ONCE = 64 * BLOCK_ROWS;
const SETTLED = PAYMENT_STATES.indexOf("settled");
/** Estimates of the bytes that go with a row of the ledger, with two times, and with an attempt. */
const [LEDGER_ROW_BYTES, TIMES_BYTES, ATTEMPT_BYTES] = [26, 12, 180];

type Sum = { readonly processor: string; readonly payments: number; readonly cents: number };

export type PrunePlan = {
  readonly beforeMs: number;
  /** Rows of the ledger from `baseRow` up to, not including, `endRow` go, but for so many that move. */
  readonly baseRow: number;
  readonly endRow: number;
  readonly moved: number;
  readonly lastSeq: number;
  /** Instant from which sums are exact afterwards; null: from the beginning. */
  readonly exactFromMs: number | null;
  /** Payments whose times go, by processor. */
  readonly sums: readonly Sum[];
  /** Attempts that go with them. */
  readonly attempts: number;
  /** Settled payments of before the instant that stay in the ledger. */
  readonly kept: number;
  /** Payments of before the instant of which a shop was not told yet: they stay, or go as the others do. */
  readonly untold: { readonly payments: number; readonly stay: boolean };
  /** An estimate. */
  readonly bytes: number;
};

/** Reads what a prune would do; may be asked beside a worker. `forgetsUntold`: whether a shop was told or not. */
export function planPrune(
  db: Database,
  beforeMs: number,
  { forgetsUntold = false }: { readonly forgetsUntold?: boolean } = {},
): PrunePlan {
  return db.transaction(() => {
    const number = (sql: string, ...values: number[]) =>
      (db.query(sql).values(...values)[0]?.[0] ?? null) as number | null;
    const baseRow = number("SELECT min(row) FROM ledger") ?? 0;
    const wholeBlocks = (row: number) =>
      Math.max(baseRow, Math.floor(row / BLOCK_ROWS) * BLOCK_ROWS);
    const lastRow = wholeBlocks(endOfMost(db, beforeMs));
    const toldRow = wholeBlocks(untoldFrom(db));
    const endRow = forgetsUntold ? lastRow : Math.min(lastRow, toldRow);
    const untold = "SELECT count(*) FROM ledger WHERE row >= ? AND row < ? AND requested_at_ms < ?";
    const moved = "SELECT count(*) FROM ledger WHERE row < ? AND requested_at_ms >= ?";
    const kept = "SELECT seq FROM ledger WHERE row >= ?2 AND requested_at_ms < ?1";
    const which = forgettable(kept);
    const sums = db
      .query<Sum, [number, number]>(
        `SELECT name AS processor, count(*) AS payments, sum(amount_cents) AS cents FROM payments
         JOIN processors ON number = processor WHERE ${which} GROUP BY number`,
      )
      .all(beforeMs, endRow);
    const ofThem = `seq IN (SELECT seq FROM payments WHERE ${which})`;
    const attempts = number(`SELECT count(*) FROM attempts WHERE ${ofThem}`, beforeMs, endRow) ?? 0;
    const payments = sums.reduce((all, { payments: some }) => all + some, 0);
    const rowsBytes = (endRow - baseRow) * LEDGER_ROW_BYTES;
    return {
      beforeMs,
      baseRow,
      endRow,
      moved: number(moved, endRow, beforeMs) ?? 0,
      lastSeq: number("SELECT max(seq) FROM payments") ?? 0,
      exactFromMs: larger(metaOf(db, "pruned_before_ms"), exactFromMs(db, endRow, beforeMs)),
      sums,
      attempts,
      kept: number(`SELECT count(*) FROM (${kept})`, beforeMs, endRow) ?? 0,
      untold: { payments: number(untold, toldRow, lastRow, beforeMs) ?? 0, stay: !forgetsUntold },
      bytes: rowsBytes + payments * TIMES_BYTES + attempts * ATTEMPT_BYTES,
    };
  })();
}

export function stepsOf({ baseRow, endRow, lastSeq }: PrunePlan): number {
  return endRow - baseRow + lastSeq;
}

/** Does it, and gives the number of steps done after each transaction. */
export function* prune(db: Database, plan: PrunePlan, atOnce = ROWS_AT_ONCE): Generator<number> {
  const { beforeMs, baseRow, endRow, lastSeq } = plan;
  for (let row = baseRow; row < endRow;) {
    row = Math.min(endRow, row + atOnce);
    forgetRows(db, row, beforeMs);
    yield row - baseRow;
  }
  db.run("CREATE TEMP TABLE kept (seq INTEGER PRIMARY KEY)");
  db.run("INSERT INTO kept SELECT seq FROM ledger WHERE requested_at_ms < ?", [beforeMs]);
  for (let seq = 0; seq < lastSeq;) {
    const from = seq;
    seq = Math.min(lastSeq, seq + atOnce);
    forgetTimes(db, beforeMs, from, seq);
    yield endRow - baseRow + seq;
  }
  db.run("DROP TABLE kept");
}

/** Tables whose rows go with their payment's times. */
const STORIES = ["attempts", "attempts_left_out"] as const;

/** The condition for payments that go: `?1` is the instant, `kept` selects those that stay in the ledger. */
function forgettable(kept: string): string {
  return `state = ${SETTLED} AND requested_at_ms < ?1 AND seq NOT IN (${kept})`;
}

/** The end of the oldest rows of which the most are older beyond those that are not. */
function endOfMost(db: Database, beforeMs: number): number {
  const [[ahead, row] = [0, 0]] = db
    .query(
      `SELECT max(ahead), row FROM (SELECT row, sum(iif(requested_at_ms < ?, 1, -1))
       OVER (ORDER BY row ROWS UNBOUNDED PRECEDING) AS ahead FROM ledger)`,
    )
    .values(beforeMs) as [ahead: number | null, row: number][];
  return ahead !== null && ahead > 0 ? row + 1 : 0;
}

/** The first row that webhooks have not come to; infinite where nobody is told, or wants to be any more. */
function untoldFrom(db: Database): number {
  const [state] = db.query("SELECT cursor FROM webhooks WHERE ended_at_ms IS NULL").values();
  return state === undefined ? Number.POSITIVE_INFINITY : positionOf(String(state[0])).row + 1;
}

/** `toRow` is a block's first. */
function forgetRows(db: Database, toRow: number, beforeMs: number): void {
  db.transaction(() => {
    const exactFrom = exactFromMs(db, toRow, beforeMs);
    moveBehind(db, toRow, beforeMs);
    db.run("DELETE FROM ledger WHERE row < ?", [toRow]);
    db.run("DELETE FROM blocks WHERE block < ?", [toRow / BLOCK_ROWS]);
    db.run("INSERT OR REPLACE INTO meta VALUES ('base_row', ?)", [toRow]);
    db.run(
      `INSERT INTO meta VALUES ('pruned_before_ms', ?)
       ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)`,
      [exactFrom],
    );
  }).immediate();
  checkpoint(db);
}

/** Sums do not depend on the order of rows. */
function moveBehind(db: Database, toRow: number, beforeMs: number): void {
  const move = db.query("UPDATE ledger SET row = (SELECT max(row) + 1 FROM ledger) WHERE row = ?");
  const later = "SELECT row FROM ledger WHERE row < ? AND requested_at_ms >= ? ORDER BY row";
  for (const [row] of db.query(later).values(toRow, beforeMs) as [number][]) move.run(row);
}

/** Takes payments above `fromSeq` up to `toSeq`. */
function forgetTimes(db: Database, beforeMs: number, fromSeq: number, toSeq: number): void {
  const which = `seq > ?2 AND seq <= ?3 AND ${forgettable("SELECT seq FROM kept")}`;
  const values = [beforeMs, fromSeq, toSeq];
  db.transaction(() => {
    for (const table of STORIES) {
      const ofThem = `seq IN (SELECT seq FROM payments WHERE ${which})`;
      db.run(`DELETE FROM ${table} WHERE seq > ?2 AND seq <= ?3 AND ${ofThem}`, values);
    }
    db.run(
      `UPDATE payments SET requested_at_ms = NULL, settled_at_ms = NULL,
         sum = ${sumOf({ requested_at_ms: "NULL", settled_at_ms: "NULL" })}
       WHERE ${which}`,
      values,
    );
  }).immediate();
  checkpoint(db);
}

/** The first instant behind all rows below `toRow` that go; null when there is none. */
function exactFromMs(db: Database, toRow: number, beforeMs: number): number | null {
  const [[atMs]] = db
    .query("SELECT max(requested_at_ms) + 1 FROM ledger WHERE row < ? AND requested_at_ms < ?")
    .values(toRow, beforeMs) as [[number | null]];
  return atMs;
}

function larger(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

/** Keeps the log as short as a transaction. */
function checkpoint(db: Database): void {
  db.run("PRAGMA wal_checkpoint(PASSIVE)");
}
