/**
 * The ledger: every settled payment, as columns in shared memory that any thread can sum.
 *
 *   ring    requestedAtMs │ amountCents │ processor     the newest `slots` rows, row r in slot r % slots
 *   blocks  minMs │ maxMs │ count, cents by processor   one entry per 256 rows, kept for ever
 *   supers  minMs │ maxMs │ count, cents by processor   one entry per 64 blocks, likewise
 *
 * One writer. A row is filled first and published last, by one atomic store of the head; a block's
 * totals are read only when the head has passed its end, so a reader never sees half of anything. A
 * super-block takes each of its blocks when that is full, before the head passes it; whoever reads it
 * waits for the last, and leaves it alone if the ledger begins inside it.
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

export const SUPER_BLOCKS = 64;
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
  readonly supers: SharedArrayBuffer;
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
  readonly superMinMs: Float64Array;
  readonly superMaxMs: Float64Array;
  readonly superCount: readonly Float64Array[];
  readonly superCents: readonly Float64Array[];
};

export function allocateLedger(
  slots: number,
  processors: number,
  rowsMax: number = ROWS_MAX,
): LedgerMemory {
  const blocks = rowsMax / BLOCK_ROWS;
  const entryBytes = entryColumns(processors) * 8;
  return {
    slots,
    processors,
    cursor: new SharedArrayBuffer(3 * 4),
    ring: new SharedArrayBuffer(slots * 3 * 8),
    blocks: new SharedArrayBuffer(blocks * entryBytes),
    supers: new SharedArrayBuffer(Math.ceil(blocks / SUPER_BLOCKS) * entryBytes),
  };
}

/** Of a block or a super-block: min, max, and count and cents by processor. */
function entryColumns(processors: number): number {
  return 2 + 2 * processors;
}

export function columnsOf({ processors, ring, blocks, supers }: LedgerMemory): LedgerColumns {
  const [requestedAtMs, amountCents, processor] = split(ring, 3);
  const [blockMinMs, blockMaxMs, ...ofBlock] = split(blocks, entryColumns(processors));
  const [superMinMs, superMaxMs, ...ofSuper] = split(supers, entryColumns(processors));
  return {
    requestedAtMs: requestedAtMs!,
    amountCents: amountCents!,
    processor: processor!,
    blockMinMs: blockMinMs!,
    blockMaxMs: blockMaxMs!,
    blockCount: ofBlock.slice(0, processors),
    blockCents: ofBlock.slice(processors),
    superMinMs: superMinMs!,
    superMaxMs: superMaxMs!,
    superCount: ofSuper.slice(0, processors),
    superCents: ofSuper.slice(processors),
  };
}

function split(buffer: SharedArrayBuffer, columns: number): Float64Array[] {
  const length = buffer.byteLength / columns / 8;
  return Array.from(
    { length: columns },
    (_, index) => new Float64Array(buffer, index * length * 8, length),
  );
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
    const block = Math.floor(row / BLOCK_ROWS);
    this.#addToBlock(block, requestedAtMs, amountCents, processor);
    if (row % BLOCK_ROWS === BLOCK_ROWS - 1) this.#addToSuper(block);
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
    this.#addToSuper(block);
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

  /** Numbers of blocks are not used again, so counts and cents begin at zero by themselves. */
  #addToSuper(block: number): void {
    const columns = this.#columns;
    const { superMinMs, superMaxMs } = columns;
    const entry = Math.floor(block / SUPER_BLOCKS);
    const isFirst = block % SUPER_BLOCKS === 0;
    const [minMs, maxMs] = [columns.blockMinMs[block]!, columns.blockMaxMs[block]!];
    superMinMs[entry] = isFirst ? minMs : Math.min(superMinMs[entry]!, minMs);
    superMaxMs[entry] = isFirst ? maxMs : Math.max(superMaxMs[entry]!, maxMs);
    for (let processor = 0; processor < this.memory.processors; processor++) {
      columns.superCount[processor]![entry]! += columns.blockCount[processor]![block]!;
      columns.superCents[processor]![entry]! += columns.blockCents[processor]![block]!;
    }
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
