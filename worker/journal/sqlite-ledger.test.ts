import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import fc from "fast-check";
import { migrate } from "./migrations.ts";
import { SqliteLedger } from "./sqlite-ledger.ts";

const ROWS = 600;
const AT_MS = 1_700_000_000_000;

function site() {
  const db = new Database(":memory:", { strict: true });
  migrate(db);
  const insert = db.prepare("INSERT INTO ledger VALUES (?, ?, ?, ?, ?)");
  for (let row = 0; row < ROWS; row++) {
    insert.run(
      row,
      row + 1,
      (row * 7) % 3,
      AT_MS + ((row * 31) % 400),
      1 + ((row * 7_919) % 1_000),
    );
  }
  return { db, ledger: new SqliteLedger(db) };
}

test("sums of rows are those of the rows themselves, in every range and window", () => {
  const { ledger } = site();
  const row = fc.integer({ min: 0, max: ROWS + 50 });
  const instant = fc.oneof(
    fc.integer({ min: AT_MS - 5, max: AT_MS + 405 }),
    fc.constantFrom(-Infinity, Infinity, AT_MS + 100.5),
  );
  fc.assert(
    fc.property(row, row, instant, instant, (fromRow, toRow, fromMs, toMs) => {
      const { requestedAtMs, amountCents, processor } = ledger.rows(fromRow, toRow);
      const expected = new Map<number, [number, number]>();
      for (const [i, atMs] of requestedAtMs.entries()) {
        if (atMs < fromMs || atMs > toMs) continue;
        const [count, cents] = expected.get(processor[i]!) ?? [0, 0];
        expected.set(processor[i]!, [count + 1, cents + amountCents[i]!]);
      }
      const { rows, sums } = ledger.sumsOf(fromRow, toRow, { fromMs, toMs });
      expect(rows).toBe(requestedAtMs.length);
      expect(new Map(sums.map(([number, ...sum]) => [number, sum]))).toEqual(expected);
    }),
    { seed: 20_261_130, numRuns: 500 },
  );
});

test("a row that is missing shows in their number, also where it is outside the window", () => {
  const { db, ledger } = site();
  db.run("DELETE FROM ledger WHERE row = 300");
  const nothing = { fromMs: AT_MS - 10, toMs: AT_MS - 5 };
  expect(ledger.sumsOf(256, 512, nothing)).toEqual({ rows: 255, sums: [] });
});
