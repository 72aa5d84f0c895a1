/** The ring of a ledger is filled behind a start, by rows of a journal that another thread reads. */
import { expect, mock, spyOn, test } from "bun:test";
import { JournalUnreachable } from "../journal-reader.ts";
import { allocateLedger, columnsOf, LedgerCursor, LedgerWriter } from "../ledger.ts";
import { BLOCK_ROWS } from "../limits.ts";
import type { LedgerRows } from "../transitions.ts";
import { fillRing, type FillParts } from "./fill-ring.ts";

const BLOCKS = 40;
const ROWS = BLOCKS * BLOCK_ROWS;

/** Row r of this journal was requested at r ms, and is of r cents. */
function rowsOf(fromRow: number, toRow: number): LedgerRows {
  const requestedAtMs = Float64Array.from({ length: toRow - fromRow }, (_, i) => fromRow + i);
  return { requestedAtMs, amountCents: requestedAtMs, processor: requestedAtMs.map(() => 0) };
}

/** Starts with all blocks by their totals; gives the parts that fill its ring. */
function started(slots: number) {
  const memory = allocateLedger(slots, 1, 2 ** 20);
  const writer = new LedgerWriter(memory);
  for (let block = 0; block < BLOCKS; block++) {
    const { requestedAtMs } = rowsOf(block * BLOCK_ROWS, (block + 1) * BLOCK_ROWS);
    const cents = requestedAtMs.reduce((sum, each) => sum + each, 0);
    const [minMs, maxMs] = [requestedAtMs[0]!, requestedAtMs.at(-1)!];
    writer.restoreBlock({ minMs, maxMs, counts: [BLOCK_ROWS], cents: [cents] });
  }
  const cursor = new LedgerCursor(memory);
  const parts: FillParts = {
    cursor,
    rowsOf,
    fill: async (range, rows) => writer.fill(range, rows),
    isOver: () => false,
    onCorruption: mock(),
    log: { error: mock() },
  };
  return { writer, cursor, parts, ring: columnsOf(memory).requestedAtMs };
}

const ringOf = (ring: Float64Array, rows: number[]) => rows.map((row) => ring[row % ring.length]!);

test("every row that has a slot gets into it, in pieces", async () => {
  const { parts, cursor, ring } = started(2 * ROWS);
  let pieces = 0;
  const fill: FillParts["fill"] = (range, rows) => {
    pieces++;
    return parts.fill(range, rows);
  };
  await fillRing({ ...parts, fill });
  expect(cursor.filledFrom).toBe(0);
  expect(ringOf(ring, [0, 1, ROWS - 1])).toEqual([0, 1, ROWS - 1]);
  expect(pieces).toBeGreaterThan(1);
});

test("rows that are settled meanwhile keep their slots", async () => {
  const { writer, parts, cursor, ring } = started(ROWS);
  const fill: FillParts["fill"] = async (range, rows) => {
    for (let i = 0; i < 100; i++) writer.append(writer.head, writer.head, 0);
    writer.fill(range, rows);
  };
  await fillRing({ ...parts, fill });
  const { head, filledFrom } = cursor;
  expect(head).toBeGreaterThan(ROWS);
  const rows = Array.from({ length: head - filledFrom }, (_, i) => filledFrom + i);
  const kept = rows.slice(-(ROWS - 1));
  expect(ringOf(ring, kept)).toEqual(kept);
});

test("a purge leaves nothing to fill", async () => {
  const { writer, parts, cursor } = started(2 * ROWS);
  await fillRing({
    ...parts,
    rowsOf(fromRow, toRow) {
      writer.purge();
      return rowsOf(fromRow, toRow);
    },
  });
  expect(cursor.filledFrom).toBe(ROWS);
});

test("rows that are missing are left to the questions that need them", async () => {
  const { parts, cursor } = started(2 * ROWS);
  await fillRing({ ...parts, rowsOf: (fromRow, toRow) => rowsOf(fromRow, toRow - 1) });
  expect(cursor.filledFrom).toBe(ROWS);
});

test("a journal that is not to be read is tried again", async () => {
  using sleep = spyOn(Bun, "sleep").mockResolvedValue(undefined);
  const { parts, cursor } = started(2 * ROWS);
  let left = 3;
  await fillRing({
    ...parts,
    rowsOf(fromRow, toRow) {
      if (left-- > 0) throw new JournalUnreachable("not now");
      return rowsOf(fromRow, toRow);
    },
  });
  expect([sleep.mock.calls.length, cursor.filledFrom]).toEqual([3, 0]);
});

test("a page that cannot be read leaves the ring as it is; damage is told", async () => {
  const failing = (code: string) => ({
    ...started(2 * ROWS).parts,
    rowsOf: () => Promise.reject(Object.assign(new Error(code), { code })),
  });
  const error = mock();
  await fillRing({ ...failing("SQLITE_IOERR_READ"), log: { error } });
  expect(error).toHaveBeenCalledTimes(1);
  const onCorruption = mock();
  await fillRing({ ...failing("SQLITE_CORRUPT"), onCorruption });
  expect(onCorruption.mock.calls).toEqual([["SQLITE_CORRUPT"]]);
});

test("it ends with the worker", async () => {
  const { parts, cursor } = started(2 * ROWS);
  let left = 1;
  await fillRing({ ...parts, isOver: () => left-- === 0 });
  expect(cursor.filledFrom).toBeGreaterThan(0);
  expect(cursor.filledFrom).toBeLessThan(ROWS);
});
