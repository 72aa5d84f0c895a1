/**
 * The ledger: every settled payment, as columns in shared memory that any thread can sum.
 *
 *   ring    requestedAtMs │ amountCents │ processor     the newest `slots` rows, row r in slot r % slots
 *   blocks  minMs │ maxMs │ count, cents by processor   one entry per 1024 rows, kept for ever
 *
 * One writer. A row is filled first and published last, by one atomic store of the head; a block's
 * totals are read only when the head has passed its end, so a reader never sees half of anything.
 * Rows come almost sorted by requestedAt: a window takes whole blocks by their totals, skips those
 * outside by their zone map (min, max), and looks at single rows only at its edges. Rows that have
 * left the ring are in the journal; their block's totals stay. A plain scan was refused: 1.7 ms for a
 * million rows, and growing.
 *
 * Purge starts the ledger anew at the next block boundary; rows below `base` do not exist any more.
 * The numbers of rows end at 2^32, which the columns of blocks are sized for: memory that is never
 * touched costs nothing.
 */
import { BLOCK_ROWS, type BlockTotals, type LedgerRows } from "./transitions.ts";

export { BLOCK_ROWS };

const ROWS_MAX = 2 ** 32;

const HEAD = 0;
const BASE = 1;
const PURGES = 2;

/** What a thread needs to read the ledger; survives `postMessage`. */
export type LedgerMemory = {
  readonly slots: number;
  readonly processors: number;
  readonly cursor: SharedArrayBuffer;
  readonly ring: SharedArrayBuffer;
  readonly blocks: SharedArrayBuffer;
};

export type LedgerColumns = {
  readonly requestedAtMs: Float64Array;
  readonly amountCents: Float64Array;
  readonly processor: Float64Array;
  readonly blockMinMs: Float64Array;
  readonly blockMaxMs: Float64Array;
  /** By processor. */
  readonly blockCount: readonly Float64Array[];
  readonly blockCents: readonly Float64Array[];
};

export function allocateLedger(
  slots: number,
  processors: number,
  rowsMax: number = ROWS_MAX,
): LedgerMemory {
  return {
    slots,
    processors,
    cursor: new SharedArrayBuffer(3 * 4),
    ring: new SharedArrayBuffer(slots * 3 * 8),
    blocks: new SharedArrayBuffer((rowsMax / BLOCK_ROWS) * blockBytes(processors)),
  };
}

/** Of one block's entry: min, max, and count and cents by processor. */
function blockBytes(processors: number): number {
  return (2 + 2 * processors) * 8;
}

export function columnsOf({ slots, processors, ring, blocks }: LedgerMemory): LedgerColumns {
  const ringColumn = (index: number) => new Float64Array(ring, index * slots * 8, slots);
  const blockCount = blocks.byteLength / blockBytes(processors);
  const blockColumn = (index: number) =>
    new Float64Array(blocks, index * blockCount * 8, blockCount);
  const byProcessor = (from: number) =>
    Array.from({ length: processors }, (_, processor) => blockColumn(from + processor));
  return {
    requestedAtMs: ringColumn(0),
    amountCents: ringColumn(1),
    processor: ringColumn(2),
    blockMinMs: blockColumn(0),
    blockMaxMs: blockColumn(1),
    blockCount: byProcessor(2),
    blockCents: byProcessor(2 + processors),
  };
}

/** Where the ledger begins and ends, as a reader sees it. */
export class LedgerCursor {
  readonly #cells: Uint32Array;

  constructor(memory: LedgerMemory) {
    this.#cells = new Uint32Array(memory.cursor);
  }
  /** One past the newest row. */
  get head(): number {
    return Atomics.load(this.#cells, HEAD);
  }
  /** The oldest row that was not purged. */
  get base(): number {
    return Atomics.load(this.#cells, BASE);
  }
  /** Grows with every purge; equal before and after a reading means that none came between. */
  get purges(): number {
    return Atomics.load(this.#cells, PURGES);
  }
}

export class LedgerWriter {
  readonly memory: LedgerMemory;
  readonly #columns: LedgerColumns;
  readonly #cells: Uint32Array;
  readonly #rowsMax: number;
  #head = 0;

  constructor(memory: LedgerMemory) {
    this.memory = memory;
    this.#columns = columnsOf(memory);
    this.#cells = new Uint32Array(memory.cursor);
    this.#rowsMax = this.#columns.blockMinMs.length * BLOCK_ROWS;
  }

  get head(): number {
    return this.#head;
  }

  /** Adds a row and gives its number. Cost does not depend on how many there are. */
  append(requestedAtMs: number, amountCents: number, processor: number): number {
    const row = this.#head;
    if (row >= this.#rowsMax - 1) throw new Error(`the ledger is full: ${row} rows`);
    const slot = row % this.memory.slots;
    const columns = this.#columns;
    columns.requestedAtMs[slot] = requestedAtMs;
    columns.amountCents[slot] = amountCents;
    columns.processor[slot] = processor;
    this.#addToBlock(Math.floor(row / BLOCK_ROWS), requestedAtMs, amountCents, processor);
    this.#publish(row + 1);
    return row;
  }

  /** Starts anew behind everything there is; gives the number that the next row will have. */
  purge(): number {
    const baseRow = Math.ceil(this.#head / BLOCK_ROWS) * BLOCK_ROWS;
    Atomics.add(this.#cells, PURGES, 1);
    this.#startAt(baseRow);
    Atomics.add(this.#cells, PURGES, 1);
    return baseRow;
  }

  /** At start: the ledger begins at `baseRow`, which is a block's first. */
  startAt(baseRow: number): void {
    if (baseRow % BLOCK_ROWS !== 0) throw new Error(`ledger base ${baseRow} is inside a block`);
    this.#startAt(baseRow);
  }

  /** At start: a whole block that is older than the ring, by its totals alone. */
  restoreBlock(totals: BlockTotals): void {
    if (this.#head % BLOCK_ROWS !== 0) throw new Error("a block is restored inside another");
    const block = this.#head / BLOCK_ROWS;
    const columns = this.#columns;
    columns.blockMinMs[block] = totals.minMs;
    columns.blockMaxMs[block] = totals.maxMs;
    for (let processor = 0; processor < this.memory.processors; processor++) {
      (columns.blockCount[processor] as Float64Array)[block] = totals.counts[processor] ?? 0;
      (columns.blockCents[processor] as Float64Array)[block] = totals.cents[processor] ?? 0;
    }
    this.#publish(this.#head + BLOCK_ROWS);
  }

  /** At start: rows as the journal has them. */
  restoreRows(rows: LedgerRows): void {
    for (let i = 0; i < rows.requestedAtMs.length; i++) {
      this.append(
        rows.requestedAtMs[i] as number,
        rows.amountCents[i] as number,
        rows.processor[i] as number,
      );
    }
  }

  #addToBlock(block: number, atMs: number, cents: number, processor: number): void {
    const { blockMinMs, blockMaxMs, blockCount, blockCents } = this.#columns;
    if (this.#head % BLOCK_ROWS === 0) {
      blockMinMs[block] = atMs;
      blockMaxMs[block] = atMs;
    } else if (atMs < (blockMinMs[block] as number)) blockMinMs[block] = atMs;
    else if (atMs > (blockMaxMs[block] as number)) blockMaxMs[block] = atMs;
    (blockCount[processor] as Float64Array)[block]! += 1;
    (blockCents[processor] as Float64Array)[block]! += cents;
  }

  #startAt(baseRow: number): void {
    this.#head = baseRow;
    Atomics.store(this.#cells, BASE, baseRow);
    Atomics.store(this.#cells, HEAD, baseRow);
  }

  #publish(head: number): void {
    this.#head = head;
    Atomics.store(this.#cells, HEAD, head);
  }
}
