/**
 * Counts and cents per processor for a window of requestedAt, both ends included, read from the
 * ledger's columns by any thread while the writer goes on (see ledger.ts for the layout).
 *
 * A reading takes the head once and looks only below it. Afterwards it checks that the writer has not
 * run over a slot that was read, and that no purge came between; if so it reads again.
 */
import {
  BLOCK_ROWS,
  columnsOf,
  LedgerCursor,
  SUPER_BLOCKS,
  type LedgerColumns,
  type LedgerMemory,
} from "./ledger.ts";
import type { LedgerRows } from "./transitions.ts";

/** Both bounds in milliseconds, included; infinite where open. */
export type SummaryWindow = { readonly fromMs: number; readonly toMs: number };
/** By processor number. */
export type Totals = { readonly counts: Float64Array; readonly cents: Float64Array };
/** A block's rows from the journal: those whose commit is done. */
export type OldRows = (fromRow: number, toRow: number) => LedgerRows;

export type BlockRows = {
  readonly fromRow: number;
  readonly toRow: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly count: number;
};

/** A reading that came too late or too early, and can be tried again at once. */
const AGAIN = "again";
const READINGS_MAX = 1_000;

export class SummaryReader {
  readonly #memory: LedgerMemory;
  readonly #columns: LedgerColumns;
  readonly #cursor: LedgerCursor;
  readonly #oldRows: OldRows;

  constructor(memory: LedgerMemory, oldRows: OldRows) {
    this.#memory = memory;
    this.#columns = columnsOf(memory);
    this.#cursor = new LedgerCursor(memory);
    this.#oldRows = oldRows;
  }

  /** Exact for every window. Throws only if the journal lacks rows that the ledger has lost. */
  read(window: SummaryWindow): Totals {
    for (let reading = 0; reading < READINGS_MAX; reading++) {
      const totals = this.#readOnce(window);
      if (totals !== AGAIN) return totals;
      // A row that left the ring is being committed; give the journal a moment.
      if (reading > 10) Bun.sleepSync(1);
    }
    throw new Error("rows that have left the ring are not in the journal yet");
  }

  /** From the earliest requestedAt that is settled to the latest; null when there is none. */
  span(): SummaryWindow | null {
    const { blockMinMs, blockMaxMs } = this.#columns;
    const head = this.#cursor.head;
    let [fromMs, toMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let block = this.#cursor.base / BLOCK_ROWS; block * BLOCK_ROWS < head; block++) {
      fromMs = Math.min(fromMs, blockMinMs[block] as number);
      toMs = Math.max(toMs, blockMaxMs[block] as number);
    }
    return fromMs <= toMs ? { fromMs, toMs } : null;
  }

  /** Blocks that may hold rows of the window, each with how many rows a processor has in it. */
  *blocksOf(window: SummaryWindow, processor: number): Generator<BlockRows> {
    const { base, head } = this.#cursor;
    const { blockMinMs, blockMaxMs, blockCount } = this.#columns;
    for (let block = base / BLOCK_ROWS; block * BLOCK_ROWS < head; block++) {
      const sealed = (block + 1) * BLOCK_ROWS <= head;
      if (sealed && this.#isOutside(block, window)) continue;
      yield {
        fromRow: block * BLOCK_ROWS,
        toRow: (block + 1) * BLOCK_ROWS,
        minMs: blockMinMs[block] as number,
        maxMs: blockMaxMs[block] as number,
        count: (blockCount[processor] as Float64Array)[block] as number,
      };
    }
  }

  #readOnce(window: SummaryWindow): Totals | typeof AGAIN {
    const purges = this.#cursor.purges;
    const base = this.#cursor.base;
    const head = this.#cursor.head;
    if (purges % 2 === 1 || head < base) return AGAIN;
    const { processors } = this.#memory;
    const totals = { counts: new Float64Array(processors), cents: new Float64Array(processors) };
    const isRead = this.#addAll(totals, window, base, head);
    return isRead && this.#cursor.purges === purges ? totals : AGAIN;
  }

  /** Whole super-blocks first, then whole blocks, then rows. False when rows could not be read. */
  #addAll(totals: Totals, window: SummaryWindow, base: number, head: number): boolean {
    const { fromMs, toMs } = window;
    const { blockMinMs, blockMaxMs, blockCount, blockCents } = this.#columns;
    const { superMinMs, superMaxMs, superCount, superCents } = this.#columns;
    const sealed = Math.floor(head / BLOCK_ROWS);
    let block = base / BLOCK_ROWS;
    while (block < sealed) {
      if (block % SUPER_BLOCKS === 0 && block + SUPER_BLOCKS <= sealed) {
        const entry = block / SUPER_BLOCKS;
        const [minMs, maxMs] = [superMinMs[entry]!, superMaxMs[entry]!];
        const isOutside = maxMs < fromMs || minMs > toMs;
        const isInside = minMs >= fromMs && maxMs <= toMs;
        if (isInside) addEntry(totals, superCount, superCents, entry);
        if (isInside || isOutside) {
          block += SUPER_BLOCKS;
          continue;
        }
      }
      const [minMs, maxMs] = [blockMinMs[block]!, blockMaxMs[block]!];
      if (minMs >= fromMs && maxMs <= toMs) addEntry(totals, blockCount, blockCents, block);
      else if (maxMs >= fromMs && minMs <= toMs) {
        if (!this.#addRows(totals, window, block, head)) return false;
      }
      block++;
    }
    return block * BLOCK_ROWS === head || this.#addRows(totals, window, block, head);
  }

  #isOutside(block: number, { fromMs, toMs }: SummaryWindow): boolean {
    const { blockMinMs, blockMaxMs } = this.#columns;
    return (blockMaxMs[block] as number) < fromMs || (blockMinMs[block] as number) > toMs;
  }

  /** Adds the block's rows one by one. False when they could not be read as they were. */
  #addRows(totals: Totals, window: SummaryWindow, block: number, head: number): boolean {
    const fromRow = block * BLOCK_ROWS;
    const toRow = Math.min(fromRow + BLOCK_ROWS, head);
    if (!this.#hasLeftRing(fromRow)) {
      const before = snapshot(totals);
      const slot = fromRow % this.#memory.slots;
      addRowsInWindow(totals, window, this.#columns, slot, slot + toRow - fromRow);
      if (!this.#hasLeftRing(fromRow)) return true;
      restore(totals, before);
    }
    const rows = this.#oldRows(fromRow, toRow);
    if (rows.requestedAtMs.length !== toRow - fromRow) return false;
    addRowsInWindow(totals, window, rows, 0, rows.requestedAtMs.length);
    return true;
  }

  /** True once the writer may have begun to write over the row's slot. */
  #hasLeftRing(row: number): boolean {
    return this.#cursor.head >= row + this.#memory.slots;
  }
}

function addEntry(
  { counts, cents }: Totals,
  entryCounts: readonly Float64Array[],
  entryCents: readonly Float64Array[],
  entry: number,
): void {
  for (let processor = 0; processor < counts.length; processor++) {
    counts[processor]! += entryCounts[processor]![entry]!;
    cents[processor]! += entryCents[processor]![entry]!;
  }
}

function addRowsInWindow(
  { counts, cents }: Totals,
  { fromMs, toMs }: SummaryWindow,
  rows: LedgerRows,
  from: number,
  to: number,
): void {
  const { requestedAtMs, amountCents, processor } = rows;
  for (let i = from; i < to; i++) {
    const atMs = requestedAtMs[i] as number;
    if (atMs < fromMs || atMs > toMs) continue;
    counts[processor[i] as number]! += 1;
    cents[processor[i] as number]! += amountCents[i] as number;
  }
}

function snapshot({ counts, cents }: Totals): Totals {
  return { counts: counts.slice(), cents: cents.slice() };
}

function restore(totals: Totals, before: Totals): void {
  totals.counts.set(before.counts);
  totals.cents.set(before.cents);
}
