/**
 * Compares sums of several streams that are folded into one ledger with the database's own:
 * whatever is committed, purged and folded between, with rows that have left the ring, after a start, and at any
 * moment of the filling of the ring behind it.
 */
import { afterAll, expect, spyOn, test } from "bun:test";
import fc from "fast-check";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { JournalUnreachable } from "../../journal-reader.ts";
import { allocateLedger, BLOCK_ROWS, LedgerCursor, LedgerWriter } from "../../ledger.ts";
import { SummaryReader } from "../../summary.ts";
import { Connection } from "./connection.ts";
import { Fold } from "./fold.ts";
import type { Ask } from "./ledger.ts";
import { migratePostgres } from "./migrations.ts";
import { freshDatabase, stopPostgres } from "./postgres.fixture.ts";
import { Questions } from "./questions.ts";
import { PostgresReader } from "./reader.ts";

afterAll(stopPostgres);

const PROCESSORS = 2;
/** A ring of few blocks, so that most rows have left it. */
const SLOTS = 3 * BLOCK_ROWS;
const ROWS_MAX = 2 ** 16;
/** A piece of the ring that is not a block's. */
const PIECE_ROWS = 100;
/** Windows that cut blocks anywhere; times of rows lie between. */
const TIMES = 1_000;

/** Streams that are written without workers. */
class Streams {
  readonly connection: Connection;
  #rows = 0;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  async append(stream: number, count: number): Promise<void> {
    const seed = this.#rows++;
    await this.connection.ask(
      `WITH s AS (UPDATE streams SET rows = rows + $2::int WHERE stream = $1::int RETURNING rows - $2::int AS first)
       INSERT INTO ledger SELECT $1::int, first + i, (i * 7919 + $3::int * 104729) % ${TIMES}, 1 + (i * 31 + $3::int) % 1000,
         gen_random_uuid(), (i + $3::int) % ${PROCESSORS} FROM s, generate_series(0, $2::int - 1) i`,
      [stream, count, seed],
    );
    await this.connection.ask(
      `INSERT INTO blocks SELECT stream, row / ${BLOCK_ROWS}, processor, min(requested_at_ms), max(requested_at_ms), count(*), sum(amount_cents)
       FROM ledger JOIN streams USING (stream) WHERE row >= base AND row < rows / ${BLOCK_ROWS} * ${BLOCK_ROWS} GROUP BY 1, 2, 3
       ON CONFLICT DO NOTHING`,
    );
  }

  /** Does as `commit` does: every stream begins at its next block. Rows below are deleted later, or not yet. */
  async purge(): Promise<void> {
    const base = `(rows + ${BLOCK_ROWS - 1}) / ${BLOCK_ROWS} * ${BLOCK_ROWS}`;
    await this.connection.ask(`UPDATE streams SET rows = ${base}, base = ${base}`);
  }

  async sums(fromMs: number, toMs: number): Promise<number[][]> {
    const rows = await this.connection.ask<{ processor: number; count: number; cents: number }>(
      `SELECT processor, count(*)::int, sum(amount_cents)::float8 AS cents FROM ledger JOIN streams USING (stream)
       WHERE row >= base AND requested_at_ms BETWEEN $1::int AND $2::int GROUP BY 1`,
      [fromMs, toMs],
    );
    return Array.from({ length: PROCESSORS }, (_, number) => {
      const found = rows.find(({ processor }) => processor === number);
      return [found?.count ?? 0, found?.cents ?? 0];
    });
  }
}

async function folded(questions: Questions) {
  const ledger = new LedgerWriter(allocateLedger(SLOTS, PROCESSORS, ROWS_MAX));
  const fold = await Fold.begin((text, values) => questions.ask(text, values), ledger);
  const reader = new PostgresReader(questions, fold);
  const asked = { rows: 0 };
  const rowsOf = (from: number, to: number) => {
    asked.rows++;
    return reader.rows(from, to);
  };
  const summary = new SummaryReader(ledger.memory, rowsOf, { fresh: () => fold.fresh() });
  return { ledger, fold, reader, summary, asked };
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant("append"),
    stream: fc.nat(3),
    count: fc.integer({ min: 1, max: 700 }),
  }),
  fc.record({ kind: fc.constantFrom("fold", "purge", "start", "look", "fill") }),
);
const WINDOWS = [
  [0, TIMES],
  [100, 299],
  [500, 500],
] as const;

test.skipIf(WHY_NO_POSTGRES !== null)(
  `sums over all streams are the database's own, whatever comes between${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    const connection = new Connection(url, Number.POSITIVE_INFINITY);
    await migratePostgres(connection);
    const questions = new Questions(url);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        await connection.ask("UPDATE streams SET rows = 0, base = 0");
        await connection.ask("DELETE FROM ledger");
        await connection.ask("DELETE FROM blocks");
        const streams = new Streams(connection);
        let now = await folded(questions);
        for (const one of [...steps, { kind: "look" }, { kind: "start" }, { kind: "look" }]) {
          if ("stream" in one) await streams.append(one.stream, one.count);
          else if (one.kind === "purge") await streams.purge();
          else if (one.kind === "fold") await now.fold.fresh();
          else if (one.kind === "fill") await now.fold.fillPiece(PIECE_ROWS);
          else if (one.kind === "start") now = await folded(questions);
          else {
            for (const [fromMs, toMs] of WINDOWS) {
              const { counts, cents } = await now.summary.read({ fromMs, toMs });
              const found = Array.from(counts, (count, i) => [count, cents[i]!]);
              expect(found).toEqual(await streams.sums(fromMs, toMs));
            }
          }
        }
        // Every row has one place, and rows behind the fold have theirs.
        await streams.append(5, 3);
        const { base, head } = new LedgerCursor(now.ledger.memory);
        const all = await now.reader.rows(Math.max(base, head - 1), Number.MAX_SAFE_INTEGER);
        expect(all.processor).toHaveLength(head > base ? 4 : 3);
      }),
      { numRuns: 25 },
    );
    questions.close();
    connection.drop();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a start asks the database for rows until the ring has them, and then no more${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    const connection = new Connection(url, Number.POSITIVE_INFINITY);
    await migratePostgres(connection);
    const streams = new Streams(connection);
    await streams.append(0, BLOCK_ROWS);
    await streams.append(1, BLOCK_ROWS + 1);
    const questions = new Questions(url);
    const { fold, summary, asked, ledger } = await folded(questions);
    const window = { fromMs: 100, toMs: 299 };
    const before = await summary.read(window);
    expect(asked.rows).toBe(2);
    await fold.fill(() => false);
    expect(await summary.read(window)).toEqual(before);
    expect(asked.rows).toBe(2);
    expect(new LedgerCursor(ledger.memory).filledFrom).toBe(0);
    questions.close();
    connection.drop();
  },
);

/** Answers as a database whose only stream has one full block; `rows` is asked for those of the ring. */
function oneBlock(rows: () => Promise<number[]>): Ask {
  const ends = { stream: 0, base: 0, rows: BLOCK_ROWS, at: null };
  const totals = { block: [0], processor: [0], min: [1], max: [1], count: [BLOCK_ROWS] };
  return (async (text: string) => {
    if (text.includes("FROM blocks")) return [{ ...totals, cents: [BLOCK_ROWS] }];
    if (!text.includes("in_order")) return [ends];
    const ones = await rows();
    return [{ at: ones, cents: ones, processor: ones.map(() => 0) }];
  }) as Ask;
}

test("a database that does not answer in time is asked for less, and for more once it does", async () => {
  const rows = 128 * BLOCK_ROWS;
  const ends = { stream: 0, base: 0, rows, at: null };
  const blocks = Array.from({ length: 128 }, (_, block) => block);
  const column = (value: number) => blocks.map(() => value);
  /** Rows that it answers for in time. */
  let most = 3 * BLOCK_ROWS;
  const asked: number[] = [];
  const ask = (async (text: string, values: readonly unknown[]) => {
    if (text.includes("FROM blocks")) {
      const [min, count] = [column(1), column(BLOCK_ROWS)];
      return [{ block: blocks, processor: column(0), min, max: min, count, cents: count }];
    }
    if (!text.includes("in_order")) return [ends];
    const [from, to] = values.slice(1).map((value) => Number(String(value).slice(1, -1)));
    const count = to! - from!;
    asked.push(count / BLOCK_ROWS);
    if (count > most) throw new JournalUnreachable("it takes too long");
    if (asked.length > 8) most = rows;
    const ones = Array.from({ length: count }, () => 1);
    return [{ at: ones, cents: ones, processor: ones.map(() => 0) }];
  }) as Ask;
  using _ = spyOn(Bun, "sleep").mockResolvedValue();
  const ledger = new LedgerWriter(allocateLedger(2 * rows, PROCESSORS, ROWS_MAX));
  await (await Fold.begin(ask, ledger)).fill(() => false);
  expect(new LedgerCursor(ledger.memory).filledFrom).toBe(0);
  expect(asked.slice(0, 9)).toEqual([64, 32, 16, 8, 4, 2, 4, 2, 4]);
  expect(Math.max(...asked.slice(9))).toBeGreaterThanOrEqual(32);
});

test("while the database is away the ring waits to be filled, and any other error ends that", async () => {
  const errors = [new JournalUnreachable("away"), new JournalUnreachable("away"), null];
  const ones = Array.from({ length: BLOCK_ROWS }, () => 1);
  const ask = oneBlock(async () => {
    const error = errors.shift();
    if (error) throw error;
    return ones;
  });
  using sleep = spyOn(Bun, "sleep").mockResolvedValue();
  const ledger = new LedgerWriter(allocateLedger(SLOTS, PROCESSORS, ROWS_MAX));
  await (await Fold.begin(ask, ledger)).fill(() => false);
  expect([errors, sleep.mock.calls.length, new LedgerCursor(ledger.memory).filledFrom]).toEqual([
    [],
    2,
    0,
  ]);
  const less = oneBlock(async () => ones.slice(1));
  const other = new LedgerWriter(allocateLedger(SLOTS, PROCESSORS, ROWS_MAX));
  let pieces = 0;
  const gap = (await Fold.begin(less, other)).fill(() => ++pieces > 1);
  await expect(gap).rejects.toThrow("the journal's ledger has a gap in its stream 0");
  const never = oneBlock(async () => Promise.reject(new Error("it is asked for rows")));
  const stopped = new LedgerWriter(allocateLedger(SLOTS, PROCESSORS, ROWS_MAX));
  await (await Fold.begin(never, stopped)).fill(() => true);
});
