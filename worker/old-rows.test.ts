/**
 * Rows that left the ring and come later, over a network say: the summary is read again with them, and
 * the writer has gone on meanwhile.
 */
import { describe, expect, test } from "bun:test";
import { allocateLedger, BLOCK_ROWS, LedgerWriter } from "./ledger.ts";
import { SummaryReader } from "./summary.ts";
import type { LedgerRows } from "./transitions.ts";

const SLOTS = 4 * BLOCK_ROWS;
const ROWS_MAX = 32 * BLOCK_ROWS;

describe("a window whose rows have left the ring and are fetched", () => {
  /** Row n is n + 1 cents at n; the ring holds the newest of twice as many. */
  function fetching() {
    const memory = allocateLedger(SLOTS, 1, ROWS_MAX);
    const writer = new LedgerWriter(memory);
    const append = (n: number) => writer.append(n, n + 1, 0);
    for (let n = 0; n < 2 * SLOTS; n++) append(n);
    const asked: { from: number; to: number; give: (are?: "there" | "missing") => void }[] = [];
    const reader = new SummaryReader(memory, (from, to) => {
      const { promise, resolve, reject } = Promise.withResolvers<LedgerRows>();
      const give = (are: "there" | "missing" = "there") =>
        resolve(rows(from, are === "there" ? to : from));
      asked.push({ from, to, give });
      onAsk();
      if (from === REFUSED) reject(new Error("nobody answers"));
      return promise;
    });
    return { writer, append, asked, reader };
  }
  const REFUSED = 2 * BLOCK_ROWS;
  let onAsk = () => {};
  const rows = (from: number, to: number): LedgerRows => ({
    requestedAtMs: Float64Array.from({ length: to - from }, (_, i) => from + i),
    amountCents: Float64Array.from({ length: to - from }, (_, i) => from + i + 1),
    processor: new Float64Array(to - from),
  });
  const centsFrom = (from: number, to: number) => ((from + 1 + to + 1) * (to - from + 1)) / 2;

  test("is summed as of after the fetch, with what left the ring meanwhile", async () => {
    const { append, asked, reader } = fetching();
    // It begins in a block that left the ring, and ends in the last one.
    const reading = reader.read({ fromMs: 5, toMs: 3 * SLOTS - 3 });
    expect(reading).toBeInstanceOf(Promise);
    for (let n = 2 * SLOTS; n < 3 * SLOTS; n++) append(n);
    asked[0]!.give();
    const { counts, cents } = await reading;
    expect([counts[0], cents[0]]).toEqual([3 * SLOTS - 7, centsFrom(5, 3 * SLOTS - 3)]);
    expect(asked.map(({ from, to }) => [from, to])).toEqual([[0, BLOCK_ROWS]]);
  });

  test("takes a block that was not full anew when the writer has filled it and run over it", async () => {
    const { append, asked, reader } = fetching();
    for (let n = 2 * SLOTS; n < 2 * SLOTS + 10; n++) append(n);
    onAsk = () => {
      for (let n = 2 * SLOTS + 10; n < 4 * SLOTS; n++) append(n);
      onAsk = () => {};
    };
    const reading = reader.read({ fromMs: 5, toMs: 2 * SLOTS + 99 });
    for (let given = 0; given < asked.length; given++) {
      asked[given]!.give();
      await Bun.sleep(0);
    }
    expect((await reading).cents[0]).toBe(centsFrom(5, 2 * SLOTS + 99));
    expect(asked.map(({ from, to }) => [from, to])).toEqual([
      [0, BLOCK_ROWS],
      [2 * SLOTS, 2 * SLOTS + 10],
      [2 * SLOTS, 2 * SLOTS + BLOCK_ROWS],
    ]);
  });

  test("asks again for rows that are on their way into the journal", async () => {
    const { asked, reader } = fetching();
    const reading = reader.read({ fromMs: 5, toMs: 9 });
    asked[0]!.give("missing");
    while (asked.length < 2) await Bun.sleep(0);
    asked[1]!.give();
    expect((await reading).cents[0]).toBe(centsFrom(5, 9));
  });

  test("is not summed from a block of before a purge", async () => {
    const { writer, asked, reader } = fetching();
    const reading = reader.read({ fromMs: 5, toMs: 9 });
    writer.purge();
    writer.append(7, 5, 0);
    asked[0]!.give();
    expect((await reading).cents[0]).toBe(5);
  });

  test("asks for both of its ends at once, and fails when one cannot be read", async () => {
    const { asked, reader } = fetching();
    const reading = reader.read({ fromMs: 5, toMs: REFUSED + 5 });
    expect(asked.map(({ from }) => from)).toEqual([0, REFUSED]);
    await expect(reading).rejects.toThrow("nobody answers");
  });
});
