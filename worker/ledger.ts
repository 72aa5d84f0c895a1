/**
 * The ledger: every settled payment, as columns in shared memory that any thread can sum.
 *
 *   ring    requestedAtMs │ amountCents │ processor     the newest `slots` rows, row r in slot r % slots
 *   blocks  min, max, count and cents by processor      of each 256 rows, kept for ever (ledger/totals.ts)
 *   supers  the same                                    of each 64 blocks, and above of each 64 of these
 *
 * One writer. A row is filled first and published last, by one atomic store of the head; a block's
 * totals are read only when the head has passed its end, so a reader never sees half of anything. A
 * piece of a higher level takes each of those that it sums when that is full, and is whole before the head
 * passes the last; a reader leaves it alone if the ledger begins inside it.
 * Rows come almost sorted by requestedAt: a window takes whole blocks by their totals, skips those
 * outside by their zone map (min, max), and looks at single rows only at its edges. Rows that have
 * left the ring are in the journal; their block's totals stay. A plain scan was refused: 1.7 ms for a
 * million rows, and growing.
 *
 * A start may know blocks by their totals alone and fill the ring behind them later, the newest rows first:
 * rows before `filledFrom` are not in the ring, and are read as those that have left it.
 *
 * Purge starts the ledger anew at the next block boundary; rows below `base` do not exist any more.
 * Memory is reserved for all rows that there can be (limits.ts) and costs nothing until it is touched.
 */
import {
  BLOCK_ENTRIES_MAX,
  BLOCK_ROWS,
  CENTS_MAX,
  LEDGER_ROWS_MAX,
  ROWS_FOR_PURGES,
  SUM_LEVELS,
  SUPER_BLOCKS,
  SUPER_ENTRIES_MAX,
} from "./limits.ts";
import {
  allocateTotals,
  totalsColumnsOf,
  TotalsWriter,
  type TotalsColumns,
  type TotalsMemory,
} from "./ledger/totals.ts";
import type { RowRange } from "./journal-reader.ts";
import type { BlockTotals, LedgerRows } from "./transitions.ts";

export { BLOCK_ROWS, SUPER_BLOCKS };

const HEAD = 0;
const BASE = 1;
const PURGES = 2;
const FILLED_FROM = 3;

/** The buffers from which a thread reads the ledger; they survive `postMessage`. */
export type LedgerMemory = {
  readonly slots: number;
  readonly processors: number;
  readonly rowsMax: number;
  readonly cursor: SharedArrayBuffer;
  /** Each column has a buffer of its own: a buffer ends at 4 GiB. */
  readonly ring: readonly SharedArrayBuffer[];
  /** Blocks first, then what sums 64 of the level before. */
  readonly levels: readonly TotalsMemory[];
};

export type LedgerColumns = {
  readonly requestedAtMs: Float64Array;
  readonly amountCents: Float64Array;
  readonly processor: Float64Array;
  /** Blocks first, then what sums 64 of the level before. */
  readonly levels: readonly TotalsColumns[];
  /** The first two of them. */
  readonly blocks: TotalsColumns;
  readonly supers: TotalsColumns;
};

/** Throws with one line when there is no memory for so many slots. The ends are smaller in tests. */
export function allocateLedger(
  slots: number,
  processors: number,
  rowsMax: number = LEDGER_ROWS_MAX,
  blockEntriesMax: number = BLOCK_ENTRIES_MAX,
): LedgerMemory {
  const level = (number: number): TotalsMemory => {
    const rows = BLOCK_ROWS * SUPER_BLOCKS ** number;
    const pieces = Math.ceil(rowsMax / rows);
    const entriesMax = number === 0 ? blockEntriesMax : SUPER_ENTRIES_MAX;
    return allocateTotals(pieces, Math.min(entriesMax, pieces * Math.min(processors, rows)));
  };
  try {
    return {
      slots,
      processors,
      rowsMax,
      cursor: new SharedArrayBuffer(4 * 4),
      ring: [1, 2, 3].map(() => new SharedArrayBuffer(slots * 8)),
      levels: Array.from({ length: SUM_LEVELS }, (_, number) => level(number)),
    };
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`LEDGER_SLOTS: no room for ${slots} slots: ${reason}`, { cause: error });
  }
}

export function columnsOf(memory: LedgerMemory): LedgerColumns {
  const [requestedAtMs, amountCents, processor] = memory.ring.map(
    (buffer) => new Float64Array(buffer),
  );
  const levels = memory.levels.map(totalsColumnsOf);
  return {
    requestedAtMs: requestedAtMs!,
    amountCents: amountCents!,
    processor: processor!,
    levels,
    blocks: levels[0]!,
    supers: levels[1]!,
  };
}

/** Tells where the ledger begins and ends, as a reader sees it. */
export class LedgerCursor {
  readonly #cells: Uint32Array;
  readonly #slots: number;

  constructor({ cursor, slots }: LedgerMemory) {
    this.#cells = new Uint32Array(cursor);
    this.#slots = slots;
  }
  /** Number of the row after the newest. */
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
  /** The oldest row that the ring has ever had since the start, or its purge. */
  get filledFrom(): number {
    return Atomics.load(this.#cells, FILLED_FROM);
  }
  /** Rows that are not in the ring and have a slot there, the newest of those before `filledFrom`; at most so many. */
  unfilled(rowsMax: number): RowRange {
    const toRow = this.filledFrom;
    const oldest = Math.max(this.base, firstWithSlot(this.head, this.#slots));
    return { fromRow: Math.max(toRow - rowsMax, Math.min(oldest, toRow)), toRow };
  }
}

export class LedgerWriter {
  readonly memory: LedgerMemory;
  readonly #columns: LedgerColumns;
  readonly #blocks: TotalsWriter;
  /** Writers of all levels, the blocks' first. */
  readonly #levels: readonly TotalsWriter[];
  readonly #cells: Uint32Array;
  readonly #cursor: LedgerCursor;
  #head = 0;
  #cents = 0;

  constructor(memory: LedgerMemory) {
    this.memory = memory;
    this.#columns = columnsOf(memory);
    this.#levels = memory.levels.map((level) => new TotalsWriter(level, memory.processors));
    this.#blocks = this.#levels[0]!;
    this.#cells = new Uint32Array(memory.cursor);
    this.#cursor = new LedgerCursor(memory);
  }

  get head(): number {
    return this.#head;
  }
  /** Gives what `LedgerCursor.unfilled` gives. */
  unfilled(rowsMax: number): RowRange {
    return this.#cursor.unfilled(rowsMax);
  }
  /** Rows that may still be appended; room for some more is kept back for purges. */
  get rowsLeft(): number {
    const { rowsMax } = this.memory;
    return Math.max(0, rowsMax - Math.min(ROWS_FOR_PURGES, rowsMax / 2) - this.#head);
  }
  /** Cents that can still be summed exactly. */
  get centsLeft(): number {
    return CENTS_MAX - this.#cents;
  }

  /** Adds a row and gives its number. Cost does not depend on how many there are. */
  append(requestedAtMs: number, amountCents: number, processor: number): number {
    const row = this.#head;
    if (row >= this.memory.rowsMax - 1) throw new Error(`the ledger is full: ${row} rows`);
    const slot = row % this.memory.slots;
    const columns = this.#columns;
    columns.requestedAtMs[slot] = requestedAtMs;
    columns.amountCents[slot] = amountCents;
    columns.processor[slot] = processor;
    this.#cents += amountCents;
    const block = Math.floor(row / BLOCK_ROWS);
    this.#blocks.add(processor, 1, amountCents);
    widen(columns.blocks, block, requestedAtMs, requestedAtMs, row % BLOCK_ROWS === 0);
    if (row % BLOCK_ROWS === BLOCK_ROWS - 1) this.#seal(block);
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

  /** Begins the ledger at `baseRow`, which is a block's first; called at start. */
  startAt(baseRow: number): void {
    if (baseRow % BLOCK_ROWS !== 0) throw new Error(`ledger base ${baseRow} is inside a block`);
    this.#startAt(baseRow);
  }

  /** Takes a full block by its totals alone; called at start. */
  restoreBlock({ minMs, maxMs, counts, cents }: BlockTotals): void {
    if (this.#head % BLOCK_ROWS !== 0) throw new Error("a block is restored inside another");
    const block = this.#head / BLOCK_ROWS;
    widen(this.#columns.blocks, block, minMs, maxMs, true);
    for (let processor = 0; processor < counts.length; processor++) {
      const count = counts[processor] as number;
      if (count === 0) continue;
      this.#cents += cents[processor] as number;
      this.#blocks.add(processor, count, cents[processor] as number);
    }
    this.#seal(block);
    const head = this.#head + BLOCK_ROWS;
    Atomics.store(this.#cells, FILLED_FROM, head);
    this.#publish(head);
  }

  /** Appends rows as the journal has them; called at start. */
  restoreRows(rows: LedgerRows): void {
    for (let i = 0; i < rows.requestedAtMs.length; i++) {
      this.append(
        rows.requestedAtMs[i] as number,
        rows.amountCents[i] as number,
        rows.processor[i] as number,
      );
    }
  }

  /**
   * Fills the ring with rows that `unfilled` has named. Those whose slots newer rows have taken meanwhile are
   * left out, and all of them when they have been purged.
   */
  fill({ fromRow, toRow }: RowRange, { requestedAtMs, amountCents, processor }: LedgerRows): void {
    if (requestedAtMs.length !== toRow - fromRow) throw new Error("the ring is filled with a gap");
    if (toRow !== Atomics.load(this.#cells, FILLED_FROM)) return;
    if (fromRow < Atomics.load(this.#cells, BASE)) return;
    const columns = this.#columns;
    const first = Math.max(fromRow, firstWithSlot(this.#head, this.memory.slots));
    for (let row = first; row < toRow; row++) {
      const [slot, i] = [row % this.memory.slots, row - fromRow];
      columns.requestedAtMs[slot] = requestedAtMs[i] as number;
      columns.amountCents[slot] = amountCents[i] as number;
      columns.processor[slot] = processor[i] as number;
    }
    Atomics.store(this.#cells, FILLED_FROM, fromRow);
  }

  /** Seals a block and adds it to the piece above, which is sealed with the last of those that it sums. */
  #seal(block: number): void {
    let piece = block;
    for (let level = 0; level < SUM_LEVELS; level++) {
      const { minMs, maxMs } = this.#columns.levels[level]!;
      const above = this.#levels[level + 1];
      this.#levels[level]!.seal(piece, above);
      if (above === undefined) return;
      const place = piece % SUPER_BLOCKS;
      const sum = Math.floor(piece / SUPER_BLOCKS);
      widen(above.columns, sum, minMs[piece]!, maxMs[piece]!, place === 0);
      if (place < SUPER_BLOCKS - 1) return;
      piece = sum;
    }
  }

  #startAt(baseRow: number): void {
    for (const level of this.#levels) level.restart();
    this.#cents = 0;
    this.#head = baseRow;
    Atomics.store(this.#cells, BASE, baseRow);
    Atomics.store(this.#cells, FILLED_FROM, baseRow);
    Atomics.store(this.#cells, HEAD, baseRow);
  }

  #publish(head: number): void {
    this.#head = head;
    Atomics.store(this.#cells, HEAD, head);
  }
}

/** The oldest row whose slot the next row does not take. */
function firstWithSlot(head: number, slots: number): number {
  return head - slots + 1;
}

/** Rejects with one line when there is no memory for so many slots. */
export async function openLedger(slots: number, processors: number): Promise<LedgerWriter> {
  return new LedgerWriter(allocateLedger(slots, processors));
}

/** Takes an instant, or a span of them, into a piece's zone map. */
function widen(
  { minMs, maxMs }: TotalsColumns,
  piece: number,
  fromMs: number,
  toMs: number,
  isFirst: boolean,
): void {
  minMs[piece] = isFirst ? fromMs : Math.min(minMs[piece] as number, fromMs);
  maxMs[piece] = isFirst ? toMs : Math.max(maxMs[piece] as number, toMs);
}
