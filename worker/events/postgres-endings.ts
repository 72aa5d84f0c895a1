/**
 * Reads what ended from a journal on PostgreSQL, as worker/events/sqlite-endings.ts does from a file.
 * Rejects with `JournalUnreachable` while the database does not answer.
 */
import { STREAM } from "../journal/postgres/ledger.ts";
import { Questions } from "../journal/postgres/questions.ts";
import { stateOf } from "../journal/records.ts";
import { CODE } from "../journal/sqlite-moves.ts";
import type { FinalState } from "../payment.ts";
import type { Ended } from "./event.ts";
import { cursorOf, positionOf, type Cursor } from "../event-position.ts";
import { firstRow, type Endings, type Marks, type PositionedEnd } from "./endings.ts";

type EndRow = Omit<Ended, "state"> & { readonly stateCode: number; readonly at: number };

const PAYMENT = `p.id::text AS "correlationId", p.state::int AS "stateCode", p.amount_cents::float8 AS "amountCents",
  p.processor::int, p.requested_at_ms::float8 AS "requestedAtMs", p.reference`;
/** Attempts that may have ended a payment, in the words of their index. */
const ENDING = "a.outcome IN ('rejected', 'conflict')";

export class PostgresEndings implements Endings {
  protected readonly questions: Questions;

  constructor(url: string) {
    this.questions = new Questions(url, { connectionsMax: 1 });
  }

  async after(cursor: Cursor, limit: number): Promise<PositionedEnd[]> {
    const { attempt, row } = positionOf(cursor);
    const unsettled = await this.questions.ask<EndRow>(
      `SELECT a.nth::float8 AS at, ${PAYMENT}, a.at_ms::float8 AS "endedAtMs", a.reason, a.code
       FROM attempts a JOIN payments p USING (id)
       WHERE ${ENDING} AND a.nth > $1::bigint AND p.state + 0 IN (${CODE.rejected}, ${CODE.conflict})
         AND NOT EXISTS (SELECT FROM attempts later WHERE later.id = a.id AND later.nth > a.nth)
       ORDER BY a.nth LIMIT $2::int`,
      [attempt, limit],
    );
    const ends = unsettled.map((one) => positioned(one, cursorOf({ attempt: one.at, row })));
    const lastAttempt = unsettled.at(-1)?.at ?? attempt;
    if (ends.length === limit) return ends;
    const settled = await this.questions.ask<EndRow>(
      `SELECT l.row::float8 AS at, ${PAYMENT},
         coalesce(p.settled_at_ms, l.requested_at_ms)::float8 AS "endedAtMs", NULL AS reason, NULL AS code
       FROM ledger l JOIN streams s USING (stream) JOIN payments p USING (id)
       WHERE l.stream = ${STREAM} AND l.row > $1::bigint AND l.row >= s.base ORDER BY l.row LIMIT $2::int`,
      [row, limit - ends.length],
    );
    for (const one of settled) {
      ends.push(positioned(one, cursorOf({ attempt: lastAttempt, row: one.at })));
    }
    return ends;
  }

  async begin(): Promise<Cursor> {
    const { base } = await this.#ends();
    return cursorOf({ attempt: 0, row: base - 1 });
  }

  async end(): Promise<Cursor> {
    const { attempt, rows } = await this.#ends();
    return cursorOf({ attempt, row: rows - 1 });
  }

  async since(instantMs: number): Promise<Cursor> {
    const ends = await this.#ends();
    const [first] = await this.questions.ask<{ at: number }>(
      `SELECT a.nth::float8 AS at FROM attempts a WHERE ${ENDING} AND a.at_ms >= $1::bigint
       ORDER BY a.nth LIMIT 1`,
      [instantMs],
    );
    const row = await firstRow(ends.base, ends.rows, async (middle) => {
      const [found] = await this.questions.ask<{ atMs: number | null }>(
        `SELECT p.settled_at_ms::float8 AS "atMs" FROM ledger l JOIN payments p USING (id)
         WHERE l.stream = ${STREAM} AND l.row = $1::bigint`,
        [middle],
      );
      return (found?.atMs ?? Number.NEGATIVE_INFINITY) < instantMs;
    });
    return cursorOf({ attempt: (first?.at ?? ends.attempt + 1) - 1, row: row - 1 });
  }

  /** Attempts are never deleted here, but for those in the middle of a payment's. */
  async withinReach(cursor: Cursor): Promise<Cursor> {
    const { attempt, row } = positionOf(cursor);
    const { base, rows } = await this.#ends();
    return cursorOf({ attempt, row: row >= rows ? base - 1 : row });
  }

  async marks(cursor: Cursor): Promise<Marks> {
    const { attempt, row } = positionOf(cursor);
    const [marks] = await this.questions.ask<Marks>(
      `SELECT (SELECT id::text FROM attempts WHERE nth = $1::bigint AND outcome IN ('rejected', 'conflict'))
           AS "attemptOf",
         (SELECT id::text FROM ledger WHERE stream = ${STREAM} AND row = $2::bigint AND row >= base) AS "rowOf",
         base::float8 AS "baseRow" FROM streams WHERE stream = ${STREAM}`,
      [attempt, row],
    );
    return { ...marks! };
  }

  async close(): Promise<void> {
    this.questions.close();
  }

  async #ends(): Promise<{ attempt: number; base: number; rows: number }> {
    const [ends] = await this.questions.ask<{ attempt: number; base: number; rows: number }>(
      `SELECT coalesce((SELECT max(a.nth) FROM attempts a WHERE ${ENDING}), 0)::float8 AS attempt,
         base::float8, rows::float8 FROM streams WHERE stream = ${STREAM}`,
    );
    return ends!;
  }
}

function positioned(row: EndRow, cursor: Cursor): PositionedEnd {
  const { at: _, stateCode, ...facts } = row;
  return { ended: { ...facts, state: stateOf(stateCode) as FinalState }, cursor };
}
