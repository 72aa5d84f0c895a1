/** Reads what ended from a journal's file, through a connection that cannot write. */
import type { Database } from "bun:sqlite";
import { CODE } from "../journal/sqlite-moves.ts";
import { stateOf } from "../journal/records.ts";
import { metaOf } from "../journal/meta.ts";
import type { FinalState } from "../payment.ts";
import { uuidFromHex } from "../uuid.ts";
import { cursorOf, positionOf, type Cursor } from "../event-position.ts";
import { firstRow, type Endings, type Marks, type PositionedEnd } from "./endings.ts";
import type { Ended } from "./event.ts";

/** Attempts that are looked through at once for those that ended a payment; there is no index of these. */
const ATTEMPTS_AT_ONCE = 20_000;

type EndRow = Omit<Ended, "correlationId" | "state"> & {
  readonly hex: string;
  readonly stateCode: number;
  /** Number of the attempt, or row of the ledger. */
  readonly at: number;
};

export class SqliteEndings implements Endings {
  protected readonly db: Database;
  readonly #statements: ReturnType<typeof prepare>;
  /** Attempts from the first to the second ended no payment. */
  #dull = { fromAttempt: 0, toAttempt: 0 };

  /** `db` is closed with it. */
  constructor(db: Database) {
    this.db = db;
    this.#statements = prepare(db);
  }

  async after(cursor: Cursor, limit: number): Promise<PositionedEnd[]> {
    const { attempt, row } = positionOf(cursor);
    const unsettled = await this.#endingAttempts(attempt, limit);
    const ends = unsettled.map((one) => positioned(one, cursorOf({ attempt: one.at, row })));
    const lastAttempt = unsettled.at(-1)?.at ?? attempt;
    const left = limit - ends.length;
    const settled = left > 0 ? this.#statements.settled.all(row, left) : [];
    for (const one of settled) {
      ends.push(positioned(one, cursorOf({ attempt: lastAttempt, row: one.at })));
    }
    return ends;
  }

  async begin(): Promise<Cursor> {
    return cursorOf({ attempt: 0, row: this.#baseRow() - 1 });
  }

  async end(): Promise<Cursor> {
    return cursorOf({ attempt: this.#last("attempts", "rowid") ?? 0, row: this.#lastRow() });
  }

  async since(instantMs: number): Promise<Cursor> {
    const { firstAttempt, settledAt } = this.#statements;
    this.#dull = { fromAttempt: 0, toAttempt: 0 };
    const attempt = firstAttempt.get(instantMs)?.at ?? (this.#last("attempts", "rowid") ?? 0) + 1;
    const nextRow = this.#lastRow() + 1;
    const row = await firstRow(this.#baseRow(), nextRow, (middle) => {
      const found = settledAt.get(middle);
      // A row that is moved to another number meanwhile is none that is asked for.
      return found === null || (found.atMs ?? Number.NEGATIVE_INFINITY) < instantMs;
    });
    return cursorOf({ attempt: attempt - 1, row: row - 1 });
  }

  async withinReach(cursor: Cursor): Promise<Cursor> {
    const { attempt, row } = positionOf(cursor);
    const lastRow = this.#lastRow();
    return cursorOf({
      attempt: Math.min(attempt, this.#last("attempts", "rowid") ?? 0),
      row: row > lastRow ? this.#baseRow() - 1 : row,
    });
  }

  async marks(cursor: Cursor): Promise<ReadonlyMap<number, Marks>> {
    const { attempt, row } = positionOf(cursor);
    const { attemptOf, rowOf } = this.#statements;
    const idOf = (found: { hex: string } | null) =>
      found === null ? null : uuidFromHex(found.hex);
    const marks = this.db.transaction(() => ({
      attemptOf: idOf(attemptOf.get(attempt)),
      rowOf: idOf(rowOf.get(row)),
      baseRow: this.#baseRow(),
    }))();
    return new Map([[0, marks]]);
  }

  async close(): Promise<void> {
    this.db.close();
  }

  /**
   * Looks through attempts some at a time until it finds some that ended a payment, lets others go on
   * meanwhile, and remembers where there are none.
   */
  async #endingAttempts(behind: number, limit: number): Promise<EndRow[]> {
    const last = this.#last("attempts", "rowid") ?? 0;
    const { fromAttempt, toAttempt } = this.#dull;
    let from = behind >= fromAttempt && behind < toAttempt ? toAttempt : behind;
    while (from < last) {
      const to = Math.min(last, from + ATTEMPTS_AT_ONCE);
      const found = this.#statements.ending.all(from, to, limit);
      if (found.length > 0) return found;
      this.#noteDull(from, to);
      from = to;
      if (from < last) await new Promise(setImmediate);
    }
    return [];
  }

  /** Keeps the stretch that reaches furthest: most readers are at the end. */
  #noteDull(from: number, to: number): void {
    const { fromAttempt, toAttempt } = this.#dull;
    if (to <= toAttempt) return;
    const isContinued = from >= fromAttempt && from <= toAttempt;
    this.#dull = { fromAttempt: isContinued ? fromAttempt : from, toAttempt: to };
  }

  #baseRow(): number {
    return metaOf(this.db, "base_row") ?? 0;
  }

  #lastRow(): number {
    return this.#last("ledger", "row") ?? this.#baseRow() - 1;
  }

  #last(table: "attempts" | "ledger", key: "rowid" | "row"): number | null {
    const [[last]] = this.db.query(`SELECT max(${key}) FROM ${table}`).values() as [
      [number | null],
    ];
    return last;
  }
}

function positioned(row: EndRow, cursor: Cursor): PositionedEnd {
  const { at: _, hex, stateCode, ...facts } = row;
  const state = stateOf(stateCode) as FinalState;
  return { ended: { correlationId: uuidFromHex(hex), state, ...facts }, cursor };
}

const PAYMENT = `lower(hex(payments.id)) AS hex, payments.state AS stateCode,
  payments.amount_cents AS amountCents, payments.processor AS processor,
  payments.requested_at_ms AS requestedAtMs, payments.reference AS reference`;

function prepare(db: Database) {
  return {
    settled: db.query<EndRow, [number, number]>(
      `SELECT row AS at, ${PAYMENT}, coalesce(settled_at_ms, ledger.requested_at_ms) AS endedAtMs,
         NULL AS reason, NULL AS code
       FROM ledger CROSS JOIN payments USING (seq) WHERE row > ? ORDER BY row LIMIT ?`,
    ),
    ending: db.query<EndRow, [number, number, number]>(
      `SELECT ended.rowid AS at, ${PAYMENT}, at_ms AS endedAtMs, reason, code
       FROM attempts AS ended CROSS JOIN payments USING (seq) LEFT JOIN codes USING (seq)
       WHERE ended.rowid > ? AND ended.rowid <= ? AND outcome IN ('rejected', 'conflict')
         AND payments.state IN (${CODE.rejected}, ${CODE.conflict})
         AND NOT EXISTS (SELECT 1 FROM attempts AS later
           WHERE later.seq = ended.seq AND later.rowid > ended.rowid)
       ORDER BY ended.rowid LIMIT ?`,
    ),
    firstAttempt: db.query<{ at: number }, [number]>(
      `SELECT rowid AS at FROM attempts WHERE outcome IN ('rejected', 'conflict') AND at_ms >= ?
       ORDER BY rowid LIMIT 1`,
    ),
    attemptOf: db.query<{ hex: string }, [number]>(
      `SELECT lower(hex(id)) AS hex FROM attempts CROSS JOIN payments USING (seq)
       WHERE attempts.rowid = ?`,
    ),
    rowOf: db.query<{ hex: string }, [number]>(
      "SELECT lower(hex(id)) AS hex FROM ledger CROSS JOIN payments USING (seq) WHERE row = ?",
    ),
    settledAt: db.query<{ atMs: number | null }, [number]>(
      "SELECT settled_at_ms AS atMs FROM ledger JOIN payments USING (seq) WHERE row = ?",
    ),
  };
}
