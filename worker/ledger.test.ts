import { describe, expect, spyOn, test } from "bun:test";
import { SummaryReader } from "./summary.ts";
import {
  allocateLedger,
  BLOCK_ROWS,
  columnsOf,
  LedgerCursor,
  LedgerWriter,
  SUPER_BLOCKS,
} from "./ledger.ts";
import type { TotalsColumns } from "./ledger/totals.ts";
import { LEDGER_SLOTS_MAX, PROCESSORS_MAX } from "./limits.ts";
import { run } from "../testing/process.ts";

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

/** Gives processor, count and cents of each processor that has a row in the piece. */
function entriesOf({ from, to, processor, count, cents }: TotalsColumns, piece: number) {
  const entries = [];
  for (let entry = from[piece]!; entry < to[piece]!; entry++) {
    entries.push([processor[entry], count[entry], cents[entry]]);
  }
  return entries;
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
  test("keeps the least and the latest time, and counts and cents by processor once it is full", () => {
    const { writer, columns } = ledger();
    for (let n = 0; n < BLOCK_ROWS - 1; n++) writer.append(5_000 + ((n * 7) % 100), n, n % 2);
    expect(entriesOf(columns.blocks, 0)).toEqual([]);
    writer.append(5_099, BLOCK_ROWS - 1, 1);
    writer.append(9_000, 7, 1);
    expect([columns.blocks.minMs[0], columns.blocks.maxMs[0]]).toEqual([5_000, 5_099]);
    expect(entriesOf(columns.blocks, 0)).toEqual([
      [0, BLOCK_ROWS / 2, 16_256],
      [1, BLOCK_ROWS / 2, 16_384],
    ]);
    expect([columns.blocks.minMs[1], columns.blocks.maxMs[1]]).toEqual([9_000, 9_000]);
  });

  test("keeps them when its rows have left the ring", () => {
    const { writer, columns } = ledger();
    for (let n = 0; n < 3 * SLOTS; n++) writer.append(n, 2, 0);
    expect([columns.blocks.minMs[0], columns.blocks.maxMs[0]]).toEqual([0, BLOCK_ROWS - 1]);
    expect(entriesOf(columns.blocks, 0)).toEqual([[0, BLOCK_ROWS, 2 * BLOCK_ROWS]]);
  });

  test("has no entries when there is no room for them", () => {
    const memory = allocateLedger(SLOTS, 2, 8 * BLOCK_ROWS, 3);
    const [writer, columns] = [new LedgerWriter(memory), columnsOf(memory)];
    for (let n = 0; n < 3 * BLOCK_ROWS; n++) writer.append(n, 1, n < BLOCK_ROWS ? n % 2 : 0);
    const counts = [0, 1, 2].map((block) => entriesOf(columns.blocks, block).length);
    expect(counts).toEqual([2, 1, 0]);
  });
});

describe("a super-block", () => {
  test("takes its blocks by rows and by totals, and is whole with the last", () => {
    const { writer, columns } = ledger(3 * SUPER_BLOCKS * BLOCK_ROWS);
    const { supers } = columns;
    for (let n = 0; n < 2 * BLOCK_ROWS; n++) writer.append(1_000 - n, 2, n % 2);
    writer.restoreBlock({ minMs: 7, maxMs: 5_000, counts: [200, 56], cents: [1, 2] });
    expect([supers.minMs[0], supers.maxMs[0]]).toEqual([7, 5_000]);
    for (let n = 3; n < SUPER_BLOCKS + 1; n++) {
      expect(entriesOf(supers, 0)).toHaveLength(n === SUPER_BLOCKS ? 2 : 0);
      writer.restoreBlock({
        minMs: 8_000 + n,
        maxMs: 9_000,
        counts: [0, BLOCK_ROWS],
        cents: [0, 1],
      });
    }
    expect(entriesOf(supers, 0)).toEqual([
      [0, BLOCK_ROWS + 200, 2 * BLOCK_ROWS + 1],
      [1, BLOCK_ROWS + 56 + 61 * BLOCK_ROWS, 2 * BLOCK_ROWS + 2 + 61],
    ]);
    expect([supers.minMs[1], supers.maxMs[1]]).toEqual([8_064, 9_000]);
  });

  test("is summed in turn, and that sum is whole with the last of its blocks", () => {
    const [most, few] = [SUPER_BLOCKS ** 2, SUPER_BLOCKS ** 2 - 1];
    const { writer, columns } = ledger((most + 1) * BLOCK_ROWS);
    const sums = columns.levels[2]!;
    const restore = (n: number) =>
      writer.restoreBlock({
        minMs: 9_000 - n,
        maxMs: 9_000 + n,
        counts: [n % 2 === 0 ? BLOCK_ROWS : 0, n % 2 === 0 ? 0 : BLOCK_ROWS],
        cents: [n % 2 === 0 ? n : 0, n % 2 === 0 ? 0 : n],
      });
    for (let n = 0; n < few; n++) restore(n);
    expect(entriesOf(sums, 0)).toEqual([]);
    restore(few);
    expect(entriesOf(sums, 0)).toEqual([
      [0, (most / 2) * BLOCK_ROWS, (most / 2) * (most / 2 - 1)],
      [1, (most / 2) * BLOCK_ROWS, (most / 2) ** 2],
    ]);
    expect([sums.minMs[0], sums.maxMs[0]]).toEqual([9_000 - few, 9_000 + few]);
  });
});

describe("order", () => {
  /** Looks as a reader does at each change of the head; no cells but the cursor's are stored to. */
  function atEachStore(look: (head: number) => void, act: () => void): void {
    const store = Atomics.store;
    const stores = spyOn(Atomics, "store").mockImplementation(((
      cells: Uint32Array,
      at: number,
      value: number,
    ) => {
      const before = Atomics.load(cells, 0);
      store(cells, at, value);
      if (Atomics.load(cells, 0) !== before) look(value);
      return value;
    }) as typeof Atomics.store);
    try {
      act();
    } finally {
      stores.mockRestore();
    }
  }

  test("a row is whole, with its block and super-block, when it is published", () => {
    // The ring has one block, so that full blocks are read by their totals.
    const memory = allocateLedger(BLOCK_ROWS, 2, 2 * SUPER_BLOCKS * BLOCK_ROWS);
    const [writer, columns] = [new LedgerWriter(memory), columnsOf(memory)];
    const reader = new SummaryReader(memory, () => {
      throw new Error("totals and ring are enough");
    });
    const rows = SUPER_BLOCKS * BLOCK_ROWS + 1;
    let published = 0;
    const look = (head: number) => {
      expect(head).toBe(++published);
      const slot = (head - 1) % BLOCK_ROWS;
      expect([columns.requestedAtMs[slot], columns.amountCents[slot]]).toEqual([head, 2 * head]);
      if (head % BLOCK_ROWS > 1) return;
      const { counts, cents } = reader.readNow({ fromMs: -Infinity, toMs: Infinity });
      expect([counts[0], cents[0]]).toEqual([head, head * (head + 1)]);
    };
    atEachStore(look, () => {
      for (let n = 1; n <= rows; n++) writer.append(n, 2 * n, 0);
    });
    expect(published).toBe(rows);
  });

  test("a block that a start restores is whole when it is published", () => {
    const { memory, writer } = ledger(2 * SUPER_BLOCKS * BLOCK_ROWS);
    const reader = new SummaryReader(memory, () => {
      throw new Error("totals are enough");
    });
    const totals = { minMs: 5, maxMs: 9, counts: [200, 56], cents: [50, 60] };
    let published = 0;
    const look = (head: number) => {
      expect(head).toBe(++published * BLOCK_ROWS);
      const { cents } = reader.readNow({ fromMs: -Infinity, toMs: Infinity });
      expect([...cents]).toEqual([50 * published, 60 * published]);
    };
    atEachStore(look, () => {
      for (let n = 0; n < SUPER_BLOCKS + 1; n++) writer.restoreBlock(totals);
    });
    expect(published).toBe(SUPER_BLOCKS + 1);
  });

  test("a purge is announced before it moves anything, and again when it is done", () => {
    const { writer, cursor } = ledger();
    writer.append(1, 1, 0);
    const before = cursor.purges;
    const seen: number[] = [];
    atEachStore(
      () => seen.push(cursor.purges - before),
      () => writer.purge(),
    );
    expect(seen).toEqual([1]);
    expect(cursor.purges - before).toBe(2);
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

  test("leaves nothing to be filled, whatever is on its way from the journal", () => {
    const { writer, cursor } = ledger();
    writer.restoreBlock({ minMs: 1, maxMs: 1, counts: [200, 56], cents: [30, 12] });
    const range = writer.unfilled(BLOCK_ROWS);
    expect(range).toEqual({ fromRow: 0, toRow: BLOCK_ROWS });
    const ones = Float64Array.from({ length: BLOCK_ROWS }, () => 1);
    expect(writer.purge()).toBe(BLOCK_ROWS);
    writer.fill(range, { requestedAtMs: ones, amountCents: ones, processor: ones });
    expect(cursor.filledFrom).toBe(BLOCK_ROWS);
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
    const { minMs, maxMs } = columns.blocks;
    expect([cursor.head, minMs[0], maxMs[0]]).toEqual([BLOCK_ROWS, 5, 9]);
    expect(entriesOf(columns.blocks, 0)).toEqual([
      [0, 200, 50],
      [1, 56, 60],
    ]);
    writer.append(10, 1, 0);
    expect(() => writer.restoreBlock(totals)).toThrow("inside another");
  });
});

/** Measures in a process of its own: other tests come and go in this process. */
async function residentBytesOf(slots: number, processors: number): Promise<number> {
  const script = `
    const { allocateLedger, LedgerWriter } = await import(${JSON.stringify(`${import.meta.dir}/ledger.ts`)});
    const before = process.memoryUsage.rss();
    const writer = new LedgerWriter(allocateLedger(${slots}, ${processors}));
    for (let n = 0; n < ${BLOCK_ROWS}; n++) writer.append(n, 1, ${processors - 1});
    console.log(process.memoryUsage.rss() - before);`;
  const { code, out } = await run([process.execPath, "-e", script]);
  expect(code).toBe(0);
  return Number(out);
}

describe("a ledger of full size", () => {
  test.each([
    [1_048_576, 2],
    [LEDGER_SLOTS_MAX, PROCESSORS_MAX],
    [1_048_576, 100_000],
  ])(
    "of %d slots for %d processors costs nothing until it is touched",
    async (slots, processors) => {
      const memory = allocateLedger(slots, processors);
      const writer = new LedgerWriter(memory);
      for (let n = 0; n < BLOCK_ROWS; n++) writer.append(n, 1, processors - 1);
      expect(entriesOf(columnsOf(memory).blocks, 0)).toEqual([
        [processors - 1, BLOCK_ROWS, BLOCK_ROWS],
      ]);
      expect(await residentBytesOf(slots, processors)).toBeLessThan(64 * 1024 * 1024);
    },
  );

  test("that there is no memory for is refused in a sentence", () => {
    expect(() => allocateLedger(2 ** 32, 2)).toThrow(/^LEDGER_SLOTS: no room for 4294967296 slots/);
  });
});

describe("what is left", () => {
  test("counts rows to the end, less what purges need", () => {
    const { writer } = ledger(4 * BLOCK_ROWS);
    const before = writer.rowsLeft;
    expect(before).toBe(2 * BLOCK_ROWS);
    for (let n = 0; n < BLOCK_ROWS + 1; n++) writer.append(1, 1, 0);
    expect(writer.rowsLeft).toBe(BLOCK_ROWS - 1);
    writer.purge();
    expect(writer.rowsLeft).toBe(0);
    writer.append(1, 1, 0);
    expect(writer.rowsLeft).toBe(0);
  });

  test("counts cents to where a double ends, anew after a purge", () => {
    const { writer } = ledger();
    writer.append(1, 1_000, 0);
    expect(writer.centsLeft).toBe(Number.MAX_SAFE_INTEGER - 1_000);
    writer.purge();
    writer.restoreBlock({ minMs: 1, maxMs: 1, counts: [200, 56], cents: [30, 12] });
    expect(writer.centsLeft).toBe(Number.MAX_SAFE_INTEGER - 42);
  });
});
