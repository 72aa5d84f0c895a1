import { describe, expect, test } from "bun:test";
import {
  allocateLedger,
  BLOCK_ROWS,
  columnsOf,
  LedgerCursor,
  LedgerWriter,
  SUPER_BLOCKS,
} from "./ledger.ts";

const SLOTS = 4_096;

function ledger(rowsMax = 64 * BLOCK_ROWS) {
  const memory = allocateLedger(SLOTS, 2, rowsMax);
  return {
    memory,
    writer: new LedgerWriter(memory),
    columns: columnsOf(memory),
    cursor: new LedgerCursor(memory),
  };
}

describe("a row", () => {
  test("is numbered from 0 and published when it is whole", () => {
    const { writer, columns, cursor } = ledger();
    expect([cursor.base, cursor.head]).toEqual([0, 0]);
    expect(writer.append(1_000, 1990, 1)).toBe(0);
    expect(writer.append(1_001, 5, 0)).toBe(1);
    expect([writer.head, cursor.head]).toEqual([2, 2]);
    expect([...columns.requestedAtMs.subarray(0, 2)]).toEqual([1_000, 1_001]);
    expect([...columns.amountCents.subarray(0, 2)]).toEqual([1990, 5]);
    expect([...columns.processor.subarray(0, 2)]).toEqual([1, 0]);
  });

  test("takes the slot of the one that is a whole ring older", () => {
    const { writer, columns } = ledger();
    for (let n = 0; n < SLOTS + 3; n++) writer.append(n, 1, 0);
    expect([...columns.requestedAtMs.subarray(0, 4)]).toEqual([SLOTS, SLOTS + 1, SLOTS + 2, 3]);
  });

  test("too many is refused", () => {
    const { writer } = ledger(2 * BLOCK_ROWS);
    for (let n = 0; n < 2 * BLOCK_ROWS - 1; n++) writer.append(n, 1, 0);
    expect(() => writer.append(0, 1, 0)).toThrow("the ledger is full");
  });
});

describe("a block", () => {
  test("keeps the least and the latest time, and counts and cents by processor", () => {
    const { writer, columns } = ledger();
    for (let n = 0; n < BLOCK_ROWS; n++) writer.append(5_000 + ((n * 7) % 100), n, n % 2);
    writer.append(9_000, 7, 1);
    expect([columns.blockMinMs[0], columns.blockMaxMs[0]]).toEqual([5_000, 5_099]);
    expect(columns.blockCount.map((counts) => counts[0])).toEqual([BLOCK_ROWS / 2, BLOCK_ROWS / 2]);
    expect(columns.blockCents.map((cents) => cents[0])).toEqual([16_256, 16_384]);
    expect([columns.blockMinMs[1], columns.blockMaxMs[1]]).toEqual([9_000, 9_000]);
    expect(columns.blockCount.map((counts) => counts[1])).toEqual([0, 1]);
  });

  test("keeps them when its rows have left the ring", () => {
    const { writer, columns } = ledger();
    for (let n = 0; n < 3 * SLOTS; n++) writer.append(n, 2, 0);
    expect([columns.blockMinMs[0], columns.blockMaxMs[0]]).toEqual([0, BLOCK_ROWS - 1]);
    expect(columns.blockCents[0]?.[0]).toBe(2 * BLOCK_ROWS);
  });
});

describe("a super-block", () => {
  test("takes its blocks one by one, each when it is full, by rows and by totals", () => {
    const { writer, columns } = ledger(3 * SUPER_BLOCKS * BLOCK_ROWS);
    const superCounts = () => columns.superCount.map((counts) => [...counts]);
    for (let n = 0; n < 2 * BLOCK_ROWS - 1; n++) writer.append(1_000 - n, 2, n % 2);
    expect(superCounts()).toEqual([
      [BLOCK_ROWS / 2, 0, 0],
      [BLOCK_ROWS / 2, 0, 0],
    ]);
    writer.append(5_000, 2, 0);
    writer.restoreBlock({ minMs: 7, maxMs: 9, counts: [200, 56], cents: [1, 2] });
    expect(superCounts().map(([first]) => first)).toEqual([
      200 + BLOCK_ROWS + 1,
      56 + BLOCK_ROWS - 1,
    ]);
    expect(columns.superCents.map(([first]) => first)).toEqual([
      2 * BLOCK_ROWS + 2 + 1,
      2 * BLOCK_ROWS - 2 + 2,
    ]);
    expect([columns.superMinMs[0], columns.superMaxMs[0]]).toEqual([7, 5_000]);
    for (let n = 3; n < SUPER_BLOCKS + 1; n++) {
      writer.restoreBlock({
        minMs: 8_000 + n,
        maxMs: 9_000,
        counts: [0, BLOCK_ROWS],
        cents: [0, 1],
      });
    }
    expect([columns.superMinMs[1], columns.superMaxMs[1]]).toEqual([8_064, 9_000]);
    expect(columns.superCount[1]?.[1]).toBe(BLOCK_ROWS);
  });
});

describe("a purge", () => {
  test("starts at the next block, or right here where one begins", () => {
    const { writer, cursor } = ledger();
    expect(writer.purge()).toBe(0);
    writer.append(1, 1, 0);
    expect(writer.purge()).toBe(BLOCK_ROWS);
    expect([cursor.base, cursor.head]).toEqual([BLOCK_ROWS, BLOCK_ROWS]);
    expect(writer.purge()).toBe(BLOCK_ROWS);
    expect(writer.append(1, 1, 0)).toBe(BLOCK_ROWS);
  });

  test("is seen by who read before it and reads after it", () => {
    const { writer, cursor } = ledger();
    const before = cursor.purges;
    writer.purge();
    expect(cursor.purges).not.toBe(before);
    expect(cursor.purges % 2).toBe(0);
  });
});

describe("a restart", () => {
  test("begins at a block's first row only", () => {
    const { writer } = ledger();
    expect(() => writer.startAt(5)).toThrow("inside a block");
    writer.startAt(3 * BLOCK_ROWS);
    expect(writer.append(1, 1, 0)).toBe(3 * BLOCK_ROWS);
  });

  test("takes whole blocks between whole blocks only", () => {
    const { writer, columns, cursor } = ledger();
    const totals = { minMs: 5, maxMs: 9, counts: [200, 56], cents: [50, 60] };
    writer.restoreBlock(totals);
    expect([cursor.head, columns.blockMinMs[0], columns.blockMaxMs[0]]).toEqual([BLOCK_ROWS, 5, 9]);
    expect(columns.blockCents.map((cents) => cents[0])).toEqual([50, 60]);
    writer.append(10, 1, 0);
    expect(() => writer.restoreBlock(totals)).toThrow("inside another");
  });
});

test("the memory of a ledger of full size costs nothing until it is touched", () => {
  const before = process.memoryUsage.rss();
  const memory = allocateLedger(1_048_576, 2);
  new LedgerWriter(memory).append(1, 1, 0);
  expect(memory.blocks.byteLength).toBe((2 ** 32 / BLOCK_ROWS) * 6 * 8);
  expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
});
