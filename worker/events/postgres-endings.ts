/**
 * Reads what ended from a journal on PostgreSQL, as worker/events/sqlite-endings.ts does from a file.
 * Rejects with `JournalUnreachable` while the database does not answer.
 */
import { arrayOf } from "../journal/postgres/ledger.ts";
import { Questions } from "../journal/postgres/questions.ts";
import { stateOf } from "../journal/records.ts";
import { CODE } from "../journal/sqlite-moves.ts";
import { tariffsIn } from "../journal/postgres/tariffs.ts";
import type { KnownTariff } from "../tariffs.ts";
import type { FinalState } from "../payment.ts";
import type { Ended } from "./event.ts";
import { cursorIn, positionsOf, type Cursor, type Position } from "../event-position.ts";
import { firstRow, type Endings, type Marks, type PositionedEnd } from "./endings.ts";

type EndRow = Omit<Ended, "state"> & {
  readonly stateCode: number;
  readonly stream: number;
  /** Number of the attempt, or row of the ledger. */
  readonly at: number;
  readonly base: number;
  /** How many there are; nobody asks for those of a payment without a fee. */
  readonly tariffs?: number;
};

const PAYMENT = `p.id::text AS "correlationId", p.state::int AS "stateCode", p.amount_cents::float8 AS "amountCents",
  p.processor::int, p.requested_at_ms::float8 AS "requestedAtMs", p.reference`;
/** Attempts that may have ended a payment, in the words of their index. */
const ENDING = "a.outcome IN ('rejected', 'conflict')";

/**
 * Hears all tariffs before any payment is given that was charged under one of them: another worker, which has begun
 * it, may have settled the payment a moment ago.
 */
export type OnTariffs = (tariffs: readonly KnownTariff[]) => void;

/** A stream of commits: its last ending attempt, where its rows begin, and the number of the next one. */
type Stream = {
  readonly stream: number;
  readonly attempt: number;
  readonly base: number;
  readonly rows: number;
};

export class PostgresEndings implements Endings {
  protected readonly questions: Questions;
  readonly #onTariffs: OnTariffs;
  #tariffs = 0;

  constructor(url: string, onTariffs: OnTariffs = () => {}) {
    this.#onTariffs = onTariffs;
    this.questions = new Questions(url, { connectionsMax: 1 });
  }

  /**
   * Attempts come first, as in a file, in the order of their numbers; then rows, each stream's in its order
   * and those of several by the time at which they were settled.
   */
  async after(cursor: Cursor, limit: number): Promise<PositionedEnd[]> {
    const positions = new Map(positionsOf(cursor));
    const values = (of: keyof Position) => [
      arrayOf([...positions.keys()]),
      arrayOf([...positions.values()].map((position) => position[of])),
    ];
    const unsettled = await this.questions.ask<EndRow>(
      `SELECT s.stream::int, s.base::float8, a.*
       FROM streams s LEFT JOIN unnest($1::int[], $2::bigint[]) AS k (stream, attempt) ON k.stream = s.stream
       JOIN LATERAL (SELECT a.nth::float8 AS at, ${PAYMENT}, a.at_ms::float8 AS "endedAtMs", a.reason, a.code
         FROM attempts a JOIN payments p USING (id)
         WHERE a.stream = s.stream AND ${ENDING} AND a.nth > coalesce(k.attempt, 0)
           AND p.state IN (${CODE.rejected}, ${CODE.conflict})
           AND NOT EXISTS (SELECT FROM attempts later WHERE later.id = a.id AND later.nth > a.nth)
         ORDER BY a.nth LIMIT $3::int) a ON true
       ORDER BY at LIMIT $3::int`,
      [...values("attempt"), limit],
    );
    const ends = unsettled.map((one) => behind(positions, "attempt", one));
    if (ends.length === limit) return ends;
    const settled = await this.questions.ask<EndRow>(
      `SELECT s.stream::int, s.base::float8, l.row::float8 AS at, ${PAYMENT},
         coalesce(p.settled_at_ms, l.requested_at_ms)::float8 AS "endedAtMs", NULL AS reason, NULL AS code,
         (SELECT count(*) FROM tariffs)::int AS tariffs
       FROM streams s LEFT JOIN unnest($1::int[], $2::bigint[]) AS k (stream, row) ON k.stream = s.stream
       JOIN LATERAL (SELECT * FROM ledger l WHERE l.stream = s.stream AND l.row > coalesce(k.row, -1) AND l.row >= s.base
         ORDER BY l.row LIMIT $3::int) l ON true
       JOIN payments p USING (id)
       ORDER BY max(coalesce(p.settled_at_ms, l.requested_at_ms)) OVER (PARTITION BY s.stream ORDER BY l.row), s.stream, l.row
       LIMIT $3::int`,
      [...values("row"), limit - ends.length],
    );
    const tariffs = settled[0]?.tariffs ?? 0;
    if (tariffs > this.#tariffs) {
      this.#onTariffs(await tariffsIn((text, given) => this.questions.ask(text, given)));
      this.#tariffs = tariffs;
    }
    return [...ends, ...settled.map((one) => behind(positions, "row", one))];
  }

  async begin(): Promise<Cursor> {
    return cursorOfAll(await this.#streams(), ({ base }) => ({ attempt: 0, row: base - 1 }));
  }

  async end(): Promise<Cursor> {
    return cursorOfAll(await this.#streams(), ({ attempt, rows }) => ({ attempt, row: rows - 1 }));
  }

  async since(instantMs: number): Promise<Cursor> {
    const positions = new Map<number, Position>();
    for (const { stream, attempt, base, rows } of await this.#streams()) {
      const [first] = await this.questions.ask<{ at: number }>(
        `SELECT a.nth::float8 AS at FROM attempts a WHERE a.stream = $1::int AND ${ENDING} AND a.at_ms >= $2::bigint
         ORDER BY a.nth LIMIT 1`,
        [stream, instantMs],
      );
      const row = await firstRow(base, rows, async (middle) => {
        const [found] = await this.questions.ask<{ atMs: number | null }>(
          `SELECT p.settled_at_ms::float8 AS "atMs" FROM ledger l JOIN payments p USING (id)
           WHERE l.stream = $1::int AND l.row = $2::bigint`,
          [stream, middle],
        );
        return (found?.atMs ?? Number.NEGATIVE_INFINITY) < instantMs;
      });
      positions.set(stream, { attempt: (first?.at ?? attempt + 1) - 1, row: row - 1 });
    }
    return cursorIn(positions);
  }

  /** Attempts are never deleted here, but for those in the middle of a payment's. */
  async withinReach(cursor: Cursor): Promise<Cursor> {
    const streams = new Map((await this.#streams()).map((one) => [one.stream, one]));
    const reached = Array.from(positionsOf(cursor), ([stream, { attempt, row }]) => {
      const { base, rows } = streams.get(stream) ?? { base: 0, rows: 0 };
      return [stream, { attempt, row: row >= rows ? base - 1 : row }] as const;
    });
    return cursorIn(new Map(reached));
  }

  async marks(cursor: Cursor): Promise<ReadonlyMap<number, Marks>> {
    const positions = [...positionsOf(cursor)];
    const marks = await this.questions.ask<Marks & { readonly stream: number }>(
      `SELECT s.stream::int, s.base::float8 AS "baseRow",
         (SELECT a.id::text FROM attempts a WHERE a.stream = s.stream AND a.nth = k.attempt AND ${ENDING}) AS "attemptOf",
         (SELECT l.id::text FROM ledger l WHERE l.stream = s.stream AND l.row = k.row AND l.row >= s.base) AS "rowOf"
       FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS k (stream, attempt, row) JOIN streams s ON s.stream = k.stream`,
      [
        arrayOf(positions.map(([stream]) => stream)),
        arrayOf(positions.map(([, { attempt }]) => attempt)),
        arrayOf(positions.map(([, { row }]) => row)),
      ],
    );
    return new Map(marks.map(({ stream, ...of }) => [stream, of]));
  }

  async close(): Promise<void> {
    this.questions.close();
  }

  /** Gives the first stream, and all others in which anything has ended. */
  async #streams(): Promise<readonly Stream[]> {
    return this.questions.ask<Stream>(
      `SELECT * FROM (SELECT s.stream::int, s.base::float8, s.rows::float8,
         coalesce((SELECT max(a.nth) FROM attempts a WHERE a.stream = s.stream AND ${ENDING}), 0)::float8 AS attempt
         FROM streams s) s WHERE s.stream = 0 OR rows > 0 OR attempt > 0 ORDER BY s.stream`,
    );
  }
}

/** Moves the positions behind what ended. */
function behind(positions: Map<number, Position>, of: keyof Position, found: EndRow) {
  const { stream, base, at, code, stateCode, tariffs: _, ...facts } = found;
  const before = positions.get(stream) ?? { attempt: 0, row: base - 1 };
  positions.set(stream, { ...before, [of]: at });
  const ended = { ...facts, code, state: stateOf(stateCode) as FinalState };
  return { ended, cursor: cursorIn(positions) };
}

function cursorOfAll(streams: readonly Stream[], of: (stream: Stream) => Position): Cursor {
  return cursorIn(new Map(streams.map((stream) => [stream.stream, of(stream)])));
}
