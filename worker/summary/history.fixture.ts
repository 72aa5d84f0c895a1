/**
 * A ledger beside everything that was ever put into it, histories that are drawn, and windows of them: what a
 * summary says is compared with a filter over all rows.
 */
import fc from "fast-check";
import {
  allocateLedger,
  BLOCK_ROWS,
  LedgerWriter,
  SUPER_BLOCKS,
  type LedgerMemory,
} from "../ledger.ts";
import { SummaryReader, type SummaryWindow } from "../summary.ts";
import type { BlockTotals, LedgerRows } from "../transitions.ts";

export const SLOTS = 4 * BLOCK_ROWS;
export const PROCESSORS = 3;
export const SUPER_ROWS = SUPER_BLOCKS * BLOCK_ROWS;
export const ROWS_MAX = 8 * SUPER_ROWS;
export const ALL: SummaryWindow = { fromMs: -Infinity, toMs: Infinity };

type Row = { readonly atMs: number; readonly cents: number; readonly processor: number };

/** A ledger, and beside it everything that was ever put in, as the journal would have it. */
export class Both {
  readonly memory: LedgerMemory;
  readonly writer: LedgerWriter;
  /** Rows by their number; purges leave gaps. */
  readonly history: (Row | undefined)[] = [];
  oldReads = 0;
  readonly reader: SummaryReader;
  /** Reader for which old rows are summed. */
  readonly #summing: SummaryReader;

  constructor(blockEntriesMax?: number) {
    this.memory = allocateLedger(SLOTS, PROCESSORS, ROWS_MAX, blockEntriesMax);
    this.writer = new LedgerWriter(this.memory);
    this.reader = new SummaryReader(this.memory, (from, to) => {
      this.oldReads++;
      return columns(this.rows(from, to));
    });
    const oldSums = (from: number, to: number, window: SummaryWindow) => {
      const rows = this.rows(from, to);
      const within = rows.filter(({ atMs }) => atMs >= window.fromMs && atMs <= window.toMs);
      const sums = within.map(({ cents, processor }) => [processor, 1, cents] as const);
      return { rows: rows.length, sums };
    };
    const unasked = () => {
      throw new Error("old rows are summed");
    };
    this.#summing = new SummaryReader(this.memory, unasked, { oldSums });
  }

  append(row: Row): void {
    this.history[this.writer.append(row.atMs, row.cents, row.processor)] = row;
  }

  purge(): void {
    const base = this.writer.purge();
    this.history.length = 0;
    this.history.length = base;
  }

  rows(from: number, to: number): Row[] {
    return this.history.slice(from, to).filter((row) => row !== undefined);
  }

  /** Sums by a filter over everything. */
  naive({ fromMs, toMs }: SummaryWindow): { counts: number[]; cents: number[] } {
    const counts = new Array<number>(PROCESSORS).fill(0);
    const cents = new Array<number>(PROCESSORS).fill(0);
    for (const row of this.history) {
      if (row === undefined || row.atMs < fromMs || row.atMs > toMs) continue;
      counts[row.processor]! += 1;
      cents[row.processor]! += row.cents;
    }
    return { counts, cents };
  }

  read(window: SummaryWindow): { counts: number[]; cents: number[] } {
    const { counts, cents } = this.reader.readNow(window);
    const summed = this.#summing.readNow(window);
    if (!Bun.deepEquals(summed, { counts, cents }))
      throw new Error("old rows are summed otherwise");
    return { counts: [...counts], cents: [...cents] };
  }
}

export function columns(rows: readonly Row[]): LedgerRows {
  return {
    requestedAtMs: Float64Array.from(rows, ({ atMs }) => atMs),
    amountCents: Float64Array.from(rows, ({ cents }) => cents),
    processor: Float64Array.from(rows, ({ processor }) => processor),
  };
}

function totalsOf(rows: readonly Row[]): BlockTotals {
  const sum = (processor: number, of: (row: Row) => number) =>
    rows.filter((row) => row.processor === processor).reduce((total, row) => total + of(row), 0);
  const processors = Array.from({ length: PROCESSORS }, (_, processor) => processor);
  return {
    minMs: Math.min(...rows.map(({ atMs }) => atMs)),
    maxMs: Math.max(...rows.map(({ atMs }) => atMs)),
    counts: processors.map((processor) => sum(processor, () => 1)),
    cents: processors.map((processor) => sum(processor, ({ cents }) => cents)),
  };
}

/** Restores as a start does from the journal: totals for blocks older than so many rows, rows for the rest. */
export function restored(both: Both, base: number, blockEntriesMax?: number, asRows = SLOTS): Both {
  const after = new Both(blockEntriesMax);
  const next = both.writer.head;
  after.history.push(...both.history);
  after.writer.startAt(base);
  const sealed = Math.floor(next / BLOCK_ROWS) * BLOCK_ROWS;
  const oldest = Math.ceil(Math.max(0, next - asRows) / BLOCK_ROWS) * BLOCK_ROWS;
  const first = Math.max(base, Math.min(oldest, sealed));
  for (let row = base; row < first; row += BLOCK_ROWS) {
    after.writer.restoreBlock(totalsOf(both.rows(row, row + BLOCK_ROWS)));
  }
  after.writer.restoreRows(columns(both.rows(first, next)));
  return after;
}

/** Rows in a run, how their times go, and whether a purge comes first. */
export const run = fc.record({
  rows: fc.integer({ min: 0, max: 3_000 }),
  jitterMs: fc.constantFrom(0, 3, 50, 100_000),
  purge: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  seed: fc.nat(),
});
type Run = { rows: number; jitterMs: number; purge: boolean; seed: number };

export function play(
  runs: readonly Run[],
  blockEntriesMax?: number,
): { both: Both; times: number[]; base: number } {
  const both = new Both(blockEntriesMax);
  const times: number[] = [];
  let [atMs, base] = [1_000_000, 0];
  for (const { rows, jitterMs, purge, seed } of runs) {
    if (purge) {
      both.purge();
      base = both.writer.head;
    }
    let state = seed;
    const next = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff);
    for (let n = 0; n < rows; n++) {
      atMs += next() % 3;
      const row = {
        atMs: atMs + (jitterMs === 0 ? 0 : next() % jitterMs),
        cents: 1 + (next() % 1_000_000),
        processor: (next() >> 8) % PROCESSORS,
      };
      // Bounds are picked from some rows anywhere, and from those at the edges of blocks.
      if (n % 97 === 0 || (both.writer.head + 1) % BLOCK_ROWS <= 1) times.push(row.atMs);
      both.append(row);
    }
  }
  return { both, times: times.length === 0 ? [0] : times, base };
}

export const bound = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 8, arbitrary: fc.record({ pick: fc.nat(), offMs: fc.integer({ min: -2, max: 2 }) }) },
);
export type Bound = { pick: number; offMs: number } | null;

/** Bounds that lie on rows, or beside them. */
export function windowOf(times: readonly number[], from: Bound, to: Bound): SummaryWindow {
  const at = ({ pick, offMs }: NonNullable<Bound>) =>
    (times[pick % times.length] as number) + offMs;
  return {
    fromMs: from === null ? -Infinity : at(from),
    toMs: to === null ? Infinity : at(to),
  };
}
