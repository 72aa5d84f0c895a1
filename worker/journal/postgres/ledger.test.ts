/** Rows of a ledger that is large, as a reader asks for them. */
import { afterAll, expect, test } from "bun:test";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { ledgerRows } from "./ledger.ts";
import { ask, freshDatabase, openAt, stopPostgres } from "./postgres.fixture.ts";

const ROWS = 300_000;
const PIECE = { stream: 0, fromRow: 1_000, toRow: 5_000 };

afterAll(stopPostgres);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `some rows of a large ledger are found by their numbers, without reading all of it${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await (await openAt(url))[Symbol.asyncDispose]();
    await ask(
      url,
      `INSERT INTO ledger SELECT 0, n, n, 1, gen_random_uuid(), 0 FROM generate_series(0, ${ROWS - 1}) n`,
    );
    await ask(url, `UPDATE streams SET rows = ${ROWS} WHERE stream = 0`);
    await ask(url, "ANALYZE");
    await using sql = new Bun.SQL({ url, max: 1 });
    const rows = await ledgerRows((text, values) => sql.unsafe(text, [...values]), PIECE);
    expect([rows.requestedAtMs.length, rows.requestedAtMs[0]]).toEqual([4_000, 1_000]);
    const plan: string[] = [];
    await ledgerRows(async (text, values) => {
      const lines = await sql.unsafe(`EXPLAIN ${text}`, [...values]);
      plan.push(...lines.map((line: Record<string, string>) => line["QUERY PLAN"]!));
      return [];
    }, PIECE);
    const ofLedger = plan.find((line) => / on ledger /.test(line)) ?? "";
    const expected = Number(/ rows=(\d+) /.exec(ofLedger)?.[1]);
    expect(expected).toBeLessThan(ROWS / 100);
  },
);
