import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { allocateLedger, BLOCK_ROWS, LedgerCursor, LedgerWriter, SUPER_BLOCKS } from "./ledger.ts";
import { FIRST_AT_MS, type AppendOrder } from "./summary/append.fixture.ts";
import {
  ALL,
  Both,
  bound,
  columns,
  play,
  PROCESSORS,
  restored,
  ROWS_MAX,
  run,
  SLOTS,
  SUPER_ROWS,
  windowOf,
  type Bound,
} from "./summary/history.fixture.ts";
import { SUM_LEVELS } from "./limits.ts";
import { SummaryReader } from "./summary.ts";

test.each([
  ["", undefined],
  [", when room for entries ends", 20],
])(
  "every window of every history sums to what a filter over all of it says, also after a restart%s",
  (_, entriesMax) => {
    const runs = fc.array(run, { minLength: 1, maxLength: 8 });
    const windows = fc.array(fc.tuple(bound, bound), { minLength: 6, maxLength: 6 });
    let [oldReads, purged] = [0, 0];
    fc.assert(
      fc.property(runs, windows, (some, bounds) => {
        const { both, times, base } = play(some, entriesMax);
        const again = restored(both, base, entriesMax);
        expect(again.writer.head).toBe(both.writer.head);
        for (const [from, to] of [...bounds, [null, null] as [Bound, Bound]]) {
          const window = windowOf(times, from, to);
          const expected = both.naive(window);
          expect(both.read(window)).toEqual(expected);
          expect(again.read(window)).toEqual(expected);
        }
        oldReads += both.oldReads;
        purged += base > 0 ? 1 : 0;
      }),
      { seed: 20_250_801, numRuns: 150 },
    );
    // The property would be worth little if it never left the ring or never met a purge.
    expect(oldReads).toBeGreaterThan(20);
    expect(purged).toBeGreaterThan(20);
  },
);

test("every window sums to what a filter says at any moment at which the ring is filled behind a start", () => {
  const runs = fc.array(run, { minLength: 1, maxLength: 6 });
  const moments = fc.array(
    fc.record({
      window: fc.tuple(bound, bound),
      filled: fc.nat(600),
      added: fc.nat(200),
      purge: fc.nat(19).map((n) => n === 0),
    }),
    { minLength: 4, maxLength: 8 },
  );
  let [oldReads, inRing] = [0, 0];
  fc.assert(
    fc.property(runs, moments, (some, all) => {
      const { both, times, base } = play(some);
      const again = restored(both, base, undefined, 0);
      for (const { window, filled, added, purge } of all) {
        const asked = windowOf(times, ...window);
        const before = again.oldReads;
        expect(again.read(asked)).toEqual(again.naive(asked));
        oldReads += again.oldReads - before;
        const piece = again.writer.unfilled(filled);
        const rows = columns(again.rows(piece.fromRow, piece.toRow));
        // Rows come while those that are filled in are on their way, and perhaps a purge.
        if (purge) again.purge();
        for (let n = 0; n < added; n++) {
          again.append({ atMs: times[n % times.length]!, cents: n + 1, processor: n % PROCESSORS });
        }
        again.writer.fill(piece, rows);
      }
      const last = again.writer.unfilled(SLOTS);
      again.writer.fill(last, columns(again.rows(last.fromRow, last.toRow)));
      expect(again.writer.unfilled(SLOTS).toRow).toBe(last.fromRow);
      // Then rows that have a slot are read there.
      const { head } = again.writer;
      const oldest = new LedgerCursor(again.memory).base;
      const block = Math.ceil(Math.max(oldest, head - SLOTS + 1) / BLOCK_ROWS) * BLOCK_ROWS;
      for (let row = block; row < head; row += BLOCK_ROWS) {
        const end = Math.min(head, row + BLOCK_ROWS);
        const before = again.oldReads;
        expect(again.reader.rowsOf(row, end)).toEqual(columns(again.rows(row, end)));
        expect(again.oldReads).toBe(before);
        inRing++;
      }
    }),
    { seed: 20_261_129, numRuns: 100 },
  );
  expect(oldReads).toBeGreaterThan(100);
  expect(inRing).toBeGreaterThan(100);
});

describe("super-blocks", () => {
  /** Compares windows that end on either side of every boundary of blocks with the naive sums. */
  function compareAround(both: Both, edges: readonly number[]): void {
    const again = restored(
      both,
      Math.max(
        0,
        both.history.findIndex((row) => row !== undefined),
      ),
    );
    const bounds = edges.flatMap((edge) => [edge - 1, edge, edge + 1]);
    const windows = bounds.flatMap((fromMs) => bounds.map((toMs) => ({ fromMs, toMs })));
    for (const window of [
      ...windows,
      ...bounds.map((toMs) => ({ fromMs: ALL.fromMs, toMs })),
      ALL,
    ]) {
      const expected = both.naive(window);
      expect(both.read(window)).toEqual(expected);
      expect(again.read(window)).toEqual(expected);
    }
  }
  const append = (both: Both, rows: number, jitterMs = 1) => {
    for (let n = 0; n < rows; n++) {
      const row = both.writer.head;
      const atMs = row + ((row * 7_919) % jitterMs);
      both.append({ atMs, cents: 1 + (row % 1_000), processor: row % PROCESSORS });
    }
  };

  test.each([0, 1, BLOCK_ROWS - 1, 5 * BLOCK_ROWS + 3, SUPER_ROWS - 1])(
    "are taken whole when they are full, with %d rows behind the second",
    (more) => {
      const both = new Both();
      append(both, 2 * SUPER_ROWS + more);
      compareAround(both, [0, SUPER_ROWS - BLOCK_ROWS, SUPER_ROWS, 2 * SUPER_ROWS]);
    },
  );

  test("whose times overlap are cut where the window cuts them", () => {
    const both = new Both();
    append(both, 3 * SUPER_ROWS, 3 * BLOCK_ROWS);
    compareAround(both, [SUPER_ROWS, SUPER_ROWS + 2 * BLOCK_ROWS, 2 * SUPER_ROWS - 7]);
  });

  test.each([7, 3 * BLOCK_ROWS, SUPER_ROWS - 5, SUPER_ROWS, SUPER_ROWS + 1])(
    "that a purge after %d rows has cut hold nothing of before it",
    (before) => {
      const both = new Both();
      append(both, before);
      both.purge();
      append(both, 2 * SUPER_ROWS + 5);
      compareAround(both, [both.writer.head - SUPER_ROWS, SUPER_ROWS, 2 * SUPER_ROWS]);
    },
  );

  test("far in the past ask the journal for the rows at the window's edges only", () => {
    const both = new Both();
    append(both, 5 * SUPER_ROWS);
    expect(both.read({ fromMs: 1, toMs: 4 * SUPER_ROWS }).counts).toEqual(
      both.naive({ fromMs: 1, toMs: 4 * SUPER_ROWS }).counts,
    );
    expect(both.oldReads).toBe(2);
  });

  test.each([SUPER_BLOCKS, SUPER_BLOCKS ** 2, SUPER_BLOCKS ** 2 + 1])(
    "are summed in turn, and a purge a row before the end of %d blocks leaves nothing of before it",
    (before) => {
      const after = 3 * SUPER_BLOCKS ** 2;
      const memory = allocateLedger(SLOTS, 2, 2 * after * BLOCK_ROWS);
      const writer = new LedgerWriter(memory);
      const restore = (blocks: number) => {
        for (let n = 0; n < blocks; n++) {
          writer.restoreBlock({ minMs: n, maxMs: n, counts: [0, BLOCK_ROWS], cents: [0, 7] });
        }
      };
      restore(before - 1);
      for (let n = 1; n < BLOCK_ROWS; n++) writer.append(5, 1, 0);
      expect(writer.purge()).toBe(before * BLOCK_ROWS);
      restore(after);
      const reader = new SummaryReader(memory, () => {
        throw new Error("no window cuts a block");
      });
      const { counts, cents } = reader.readNow(ALL);
      expect([...counts, ...cents]).toEqual([0, after * BLOCK_ROWS, 0, 7 * after]);
    },
  );

  test("are summed in turn: windows that begin and end at every place of millions of rows", () => {
    const blocks = 2 * SUPER_BLOCKS ** 2 + 3 * SUPER_BLOCKS + 5;
    const memory = allocateLedger(SLOTS, 2, (blocks + 1) * BLOCK_ROWS);
    const writer = new LedgerWriter(memory);
    const reader = new SummaryReader(memory, () => {
      throw new Error("no window cuts a block");
    });
    const before = [0];
    for (let n = 0; n < blocks; n++) {
      const cents = 1 + ((n * 7_919) % 1_000);
      writer.restoreBlock({ minMs: n, maxMs: n, counts: [0, BLOCK_ROWS], cents: [0, cents] });
      before.push(before[n]! + cents);
    }
    const ends = [0, SUPER_BLOCKS, SUPER_BLOCKS ** 2, 2 * SUPER_BLOCKS ** 2, blocks - 2];
    const edges = ends.flatMap((end) => [end - 1, end, end + 1, end + SUPER_BLOCKS]);
    for (const fromMs of edges.filter((at) => at >= 0 && at < blocks)) {
      for (const toMs of edges.filter((at) => at >= fromMs && at < blocks)) {
        const { counts, cents } = reader.readNow({ fromMs, toMs });
        expect([...counts]).toEqual([0, (toMs + 1 - fromMs) * BLOCK_ROWS]);
        expect(cents[1]).toBe(before[toMs + 1]! - before[fromMs]!);
      }
    }
  });
});

describe("a window", () => {
  const five = () => {
    const both = new Both();
    for (let n = 0; n < 5; n++) both.append({ atMs: 100 + n, cents: 10 ** n, processor: 0 });
    return both;
  };
  const sums = (both: Both, fromMs: number, toMs: number) => both.read({ fromMs, toMs }).cents[0];

  test("includes both its ends", () => {
    expect(sums(five(), 101, 103)).toBe(1110);
    expect(sums(five(), 100, 104)).toBe(11111);
    expect(sums(five(), 102, 102)).toBe(100);
    expect(sums(five(), 103.5, 104)).toBe(10000);
  });

  test("that is open holds everything, one that is empty nothing", () => {
    expect(sums(five(), -Infinity, Infinity)).toBe(11111);
    expect(sums(five(), 105, Infinity)).toBe(0);
    expect(sums(five(), 103, 102)).toBe(0);
    expect(new Both().read(ALL)).toEqual({ counts: [0, 0, 0], cents: [0, 0, 0] });
  });

  test("over whole blocks asks no rows of the journal, however old they are", () => {
    const both = new Both();
    for (let n = 0; n < 10 * BLOCK_ROWS + 7; n++) both.append({ atMs: n, cents: 3, processor: 1 });
    expect(both.read(ALL).counts).toEqual([0, 10 * BLOCK_ROWS + 7, 0]);
    expect(both.read({ fromMs: BLOCK_ROWS, toMs: 2 * BLOCK_ROWS - 1 }).counts[1]).toBe(BLOCK_ROWS);
    expect(both.oldReads).toBe(0);
    expect(both.read({ fromMs: 5, toMs: 10 }).counts[1]).toBe(6);
    expect(both.oldReads).toBe(1);
  });

  test("that touches a block at its first or last row holds that row", () => {
    const both = new Both();
    for (let n = 0; n < 5 * BLOCK_ROWS; n++) both.append({ atMs: n, cents: 1, processor: 0 });
    for (const edge of [0, BLOCK_ROWS - 1, BLOCK_ROWS, 5 * BLOCK_ROWS - 1]) {
      expect(both.read({ fromMs: edge, toMs: edge }).counts[0]).toBe(1);
      expect(both.read({ fromMs: edge, toMs: Infinity }).counts[0]).toBe(5 * BLOCK_ROWS - edge);
      expect(both.read({ fromMs: -Infinity, toMs: edge }).counts[0]).toBe(edge + 1);
    }
  });

  test("that cuts a block reads its rows in the ring until the next row may take their slots", () => {
    const both = new Both();
    const read = () => both.read({ fromMs: 5, toMs: 9 }).counts[0];
    for (let n = 0; n < SLOTS - 1; n++) both.append({ atMs: n, cents: 1, processor: 0 });
    expect([read(), both.oldReads]).toEqual([5, 0]);
    both.append({ atMs: SLOTS, cents: 1, processor: 0 });
    expect([read(), both.oldReads]).toEqual([5, 1]);
  });

  test("over rows that are overwritten while it is read takes them from the journal instead", () => {
    const both = new Both();
    for (let n = 0; n < SLOTS - 1; n++) both.append({ atMs: n, cents: 1, processor: 0 });
    let looks = 0;
    const window = {
      /** Appends when it is asked for once more than there are levels, which is just before the rows are looked at. */
      get fromMs() {
        if (both.oldReads === 0 && ++looks > SUM_LEVELS) {
          for (let n = 0; n < 200; n++) both.append({ atMs: 7, cents: 1_000, processor: 0 });
        }
        return 5;
      },
      toMs: 9,
    };
    const { counts, cents } = both.reader.readNow(window);
    expect([both.oldReads, counts[0], cents[0]]).toEqual([1, 5, 5]);
  });

  test("is read anew when a purge comes while it is read", () => {
    const memory = allocateLedger(SLOTS, 1, ROWS_MAX);
    const writer = new LedgerWriter(memory);
    for (let n = 0; n < 2 * SLOTS; n++) writer.append(n, 1, 0);
    const rows = Array.from({ length: BLOCK_ROWS }, (_, n) => ({
      atMs: n,
      cents: 1,
      processor: 0,
    }));
    let asked = 0;
    const reader = new SummaryReader(memory, () => {
      if (asked++ === 0) {
        writer.purge();
        writer.append(7, 5, 0);
      }
      return columns(rows);
    });
    const { counts, cents } = reader.readNow({ fromMs: 5, toMs: 9 });
    expect([asked, counts[0], cents[0]]).toEqual([1, 1, 5]);
  });

  test("waits for rows that are on their way into the journal, and says so when they never come", async () => {
    const memory = allocateLedger(SLOTS, 1, ROWS_MAX);
    const writer = new LedgerWriter(memory);
    for (let n = 0; n < 2 * SLOTS; n++) writer.append(n, 1, 0);
    const all = columns(
      Array.from({ length: BLOCK_ROWS }, (_, n) => ({ atMs: n, cents: 1, processor: 0 })),
    );
    let asked = 0;
    const late = new SummaryReader(memory, () => (++asked < 5 ? columns([]) : all));
    expect(late.readNow({ fromMs: 5, toMs: 9 }).counts[0]).toBe(5);
    expect(asked).toBe(5);
    asked = 0;
    const oldSums = () => ({
      rows: ++asked < 5 ? BLOCK_ROWS - 1 : BLOCK_ROWS,
      sums: [[0, 5, 5]] as const,
    });
    const summing = new SummaryReader(memory, () => columns([]), { oldSums });
    expect(summing.readNow({ fromMs: 5, toMs: 9 }).counts[0]).toBe(5);
    expect(asked).toBe(5);
    const never = new SummaryReader(memory, () => columns([]));
    await expect(never.read({ fromMs: 5, toMs: 9 })).rejects.toThrow("not in the journal yet");
  });
});

describe("while another thread writes, a reader", () => {
  async function watch(
    order: Omit<AppendOrder, "memory">,
    areLater: boolean,
    look: (reader: SummaryReader, cursor: LedgerCursor) => Promise<void>,
  ) {
    const memory = allocateLedger(SLOTS, 2, 16_384 * BLOCK_ROWS);
    const thread = new Worker(new URL("./summary/append.fixture.ts", import.meta.url).href);
    const finished = Promise.withResolvers<void>();
    thread.onmessage = () => finished.resolve();
    thread.onerror = (event) => finished.reject(new Error(event.message));
    const writing = { running: true };
    void finished.promise.finally(() => {
      writing.running = false;
    });
    thread.postMessage({ memory, ...order } satisfies AppendOrder);
    // The journal's rows are known: row n is a cent at FIRST_AT_MS + n.
    const reader = new SummaryReader(memory, (from, to) => {
      const rows = Array.from({ length: to - from }, (_, i) => ({
        atMs: FIRST_AT_MS + from + i,
        cents: 1,
        processor: (from + i) % 2,
      }));
      return areLater
        ? new Promise((resolve) => setImmediate(resolve, columns(rows)))
        : columns(rows);
    });
    const cursor = new LedgerCursor(memory);
    for (let looks = 0; writing.running; looks++) {
      await look(reader, cursor);
      if (looks % 20 === 0) await new Promise(setImmediate);
    }
    await finished.promise;
    thread.terminate();
    return { reader, cursor };
  }
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);

  test.each([
    ["at hand", false],
    ["fetched", true],
  ])(
    "never sees half a row, nor fewer than before, nor an edge that is off: old rows are %s",
    async (_, areLater) => {
      const rows = 1_500_000;
      let before = 0;
      const { reader } = await watch(
        { rows, purgeEvery: null },
        areLater,
        async (reading, cursor) => {
          const headBefore = cursor.head;
          const { counts, cents } = await reading.read(ALL);
          expect([...cents]).toEqual([...counts]);
          expect(Math.abs((counts[0] as number) - (counts[1] as number))).toBeLessThanOrEqual(1);
          const count = sum(counts);
          expect(count).toBeWithin(Math.max(before, headBefore), cursor.head + 1);
          before = count;
          // The window cuts the oldest and the newest rows that the ring holds, where they are overwritten.
          const from = Math.max(0, headBefore - SLOTS + BLOCK_ROWS - 56);
          const to = headBefore - 3;
          if (to <= from) return;
          const edge = await reading.read({ fromMs: FIRST_AT_MS + from, toMs: FIRST_AT_MS + to });
          expect(sum(edge.counts)).toBe(to - from + 1);
          expect([...edge.cents]).toEqual([...edge.counts]);
          // Windows that end beside the newest full super-block: with a row more, and without its first.
          const end = Math.floor((headBefore - 1) / SUPER_ROWS) * SUPER_ROWS;
          if (end < SUPER_ROWS) return;
          const start = FIRST_AT_MS + end - SUPER_ROWS;
          const whole = await reading.read({ fromMs: start, toMs: start + SUPER_ROWS });
          expect(sum(whole.counts)).toBe(SUPER_ROWS + 1);
          const inner = await reading.read({ fromMs: start + 1, toMs: start + SUPER_ROWS - 1 });
          expect(sum(inner.counts)).toBe(SUPER_ROWS - 1);
        },
      );
      expect(sum((await reader.read(ALL)).counts)).toBe(rows);
    },
  );

  test.each([
    [1_500, 300_000, false],
    [3 * SUPER_ROWS - 500, 10 * (3 * SUPER_ROWS - 500), false],
    [3 * SUPER_ROWS - 500, 10 * (3 * SUPER_ROWS - 500), true],
  ])("sees a purge after every %d rows whole or not at all", async (purgeEvery, rows, areLater) => {
    const { cursor } = await watch({ rows, purgeEvery }, areLater, async (reading) => {
      const { counts, cents } = await reading.read(ALL);
      expect([...cents]).toEqual([...counts]);
      expect(sum(counts)).toBeWithin(0, purgeEvery + 1);
    });
    expect(cursor.purges).toBe(2 * (rows / purgeEvery));
  });
});
