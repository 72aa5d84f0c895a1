/**
 * Counts and cents per processor for a window of requestedAt, both ends included, read from the
 * ledger's columns by any thread while the writer goes on (see ledger.ts for the layout).
 *
 * A reading takes the head once and looks only below it. Afterwards it checks whether the writer has
 * run over a slot that was read, or a purge came between; if so it reads again. It never waits in
 * between: rows that are not in the ring and not at hand are fetched first, and then all is read again
 * with their sums. Those stay true meanwhile: a row in the journal never changes, and while the worker
 * runs its number is given to no other.
 */
import {
  BLOCK_ROWS,
  columnsOf,
  LedgerCursor,
  SUPER_BLOCKS,
  type LedgerColumns,
  type LedgerMemory,
} from "./ledger.ts";
import type { TotalsColumns } from "./ledger/totals.ts";
import type { SumsOfRows } from "./journal-reader.ts";
import type { LedgerRows } from "./transitions.ts";

/** Both bounds in milliseconds, included; infinite where open. */
export type SummaryWindow = { readonly fromMs: number; readonly toMs: number };
/** Sums by processor number. */
export type Totals = { readonly counts: Float64Array; readonly cents: Float64Array };
/** Gives a block's rows from the journal, at once or later, without those whose commit is not done yet. */
export type OldRows = (fromRow: number, toRow: number) => LedgerRows | Promise<LedgerRows>;
/** The same of their sums in a window. */
export type OldSums = (
  fromRow: number,
  toRow: number,
  window: SummaryWindow,
) => SumsOfRows | Promise<SumsOfRows>;

export type SummaryOptions = {
  /** That of the journal at the start; null when nothing was pruned. */
  readonly prunedBeforeMs?: number | null;
  /** Brings what others have written into the ledger, and is waited for before each reading. */
  readonly fresh?: (() => Promise<void>) | null;
  /** Null where a journal gives rows alone, which are added up here. */
  readonly oldSums?: OldSums | null;
};

export type BlockRows = {
  readonly fromRow: number;
  readonly toRow: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly count: number;
};

/** A reading that came too late or too early, and can be tried again at once. */
const AGAIN = "again";
/** A reading that lacks rows which are being fetched. */
const LATER = "later";
const READINGS_MAX = 1_000;
/** Readings after which the journal is given a moment before the next. */
const READINGS_AT_ONCE = 10;
const MOMENT_MS = 1;
/** Blocks that one reading has fetched at a time. */
const FETCHED_AT_ONCE = 16;

/** Blocks that were fetched for one question, and those that are on their way. */
class Fetched {
  /** Sums of a block's rows up to the key: a block that was not full is another one when it is. */
  readonly sums = new Map<number, SumsOfRows>();
  readonly under: Promise<void>[] = [];
}

export class SummaryReader {
  readonly #memory: LedgerMemory;
  readonly #columns: LedgerColumns;
  readonly #cursor: LedgerCursor;
  readonly #oldRows: OldRows;
  readonly #oldSums: OldSums;
  readonly #prunedBeforeMs: number;
  readonly #fresh: (() => Promise<void>) | null;
  /** Empty: the next question's own, should it have to wait. */
  #fetched = new Fetched();

  constructor(
    memory: LedgerMemory,
    oldRows: OldRows,
    { prunedBeforeMs = null, fresh = null, oldSums = null }: SummaryOptions = {},
  ) {
    this.#fresh = fresh;
    this.#oldSums = oldSums ?? this.#sumRows;
    this.#memory = memory;
    this.#columns = columnsOf(memory);
    this.#cursor = new LedgerCursor(memory);
    this.#oldRows = oldRows;
    this.#prunedBeforeMs = prunedBeforeMs ?? Number.NEGATIVE_INFINITY;
  }

  /** Sums of windows that begin here or later have every payment; of others, what was not pruned. */
  get exactFromMs(): number {
    return this.#cursor.purges === 0 ? this.#prunedBeforeMs : Number.NEGATIVE_INFINITY;
  }

  /**
   * Sums every row of the window; promised when rows that have left the ring are waited for. Rejects if
   * the journal lacks them, or with what the rows reject with.
   */
  read(window: SummaryWindow): Totals | Promise<Totals> {
    return this.#fresh === null ? this.#read(window) : this.#fresh().then(() => this.#read(window));
  }

  /** Resolves when what was committed until now can be read. */
  async fresh(): Promise<void> {
    await this.#fresh?.();
  }

  #read(window: SummaryWindow): Totals | Promise<Totals> {
    const fetched = this.#fetched;
    for (let reading = 0; reading < READINGS_AT_ONCE; reading++) {
      const totals = this.#readOnce(window, fetched);
      if (totals === LATER) break;
      if (totals !== AGAIN) return totals;
    }
    this.#fetched = new Fetched();
    return this.#readPatiently(window, fetched);
  }

  /** Sums every row of the window. Throws where the rows of the journal come later. */
  readNow(window: SummaryWindow): Totals {
    const totals = this.read(window);
    if (totals instanceof Promise) throw new Error("a sum has to wait for rows of the journal");
    return totals;
  }

  async #readPatiently(window: SummaryWindow, fetched: Fetched): Promise<Totals> {
    for (let reading = 0; reading < READINGS_MAX;) {
      const underWay = fetched.under.splice(0);
      const missing = fetched.sums.size;
      await Promise.all(underWay);
      const totals = this.#readOnce(window, fetched);
      if (totals !== AGAIN && totals !== LATER) return totals;
      // A row that left the ring is being committed; give the journal a moment.
      if (fetched.sums.size === missing) {
        reading++;
        await Bun.sleep(MOMENT_MS);
      }
    }
    throw new Error("rows that have left the ring are not in the journal yet");
  }

  /** The window from the earliest requestedAt that is settled to the latest; null when there is none. */
  span(): SummaryWindow | null {
    const { minMs, maxMs } = this.#columns.blocks;
    const head = this.#cursor.head;
    let [fromMs, toMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let block = this.#cursor.base / BLOCK_ROWS; block * BLOCK_ROWS < head; block++) {
      fromMs = Math.min(fromMs, minMs[block] as number);
      toMs = Math.max(toMs, maxMs[block] as number);
    }
    return fromMs <= toMs ? { fromMs, toMs } : null;
  }

  /**
   * Gives rows of one block, from the ring or else from the journal, at once or later; null when they cannot
   * be read as they were, which another reading a moment later can.
   */
  rowsOf(fromRow: number, toRow: number): LedgerRows | null | Promise<LedgerRows | null> {
    if (this.#isInRing(fromRow)) {
      const { requestedAtMs, amountCents, processor } = this.#columns;
      const slot = fromRow % this.#memory.slots;
      const copy = (column: Float64Array) => column.slice(slot, slot + toRow - fromRow);
      const rows = {
        requestedAtMs: copy(requestedAtMs),
        amountCents: copy(amountCents),
        processor: copy(processor),
      };
      if (this.#isInRing(fromRow)) return rows;
    }
    const allOf = (rows: LedgerRows) =>
      rows.requestedAtMs.length === toRow - fromRow ? rows : null;
    const rows = this.#oldRows(fromRow, toRow);
    return rows instanceof Promise ? rows.then(allOf) : allOf(rows);
  }

  /** Gives blocks that may hold rows of the window, each with how many rows a processor has in it. */
  *blocksOf(window: SummaryWindow, processor: number): Generator<BlockRows> {
    const { base, head } = this.#cursor;
    const { minMs, maxMs } = this.#columns.blocks;
    for (let block = base / BLOCK_ROWS; block * BLOCK_ROWS < head; block++) {
      const sealed = (block + 1) * BLOCK_ROWS <= head;
      if (sealed && this.#isOutside(block, window)) continue;
      yield {
        fromRow: block * BLOCK_ROWS,
        toRow: (block + 1) * BLOCK_ROWS,
        minMs: minMs[block] as number,
        maxMs: maxMs[block] as number,
        count: this.#countIn(block, processor, Math.min(head, (block + 1) * BLOCK_ROWS)),
      };
    }
  }

  #readOnce(window: SummaryWindow, fetched: Fetched): Totals | typeof AGAIN | typeof LATER {
    const purges = this.#cursor.purges;
    const base = this.#cursor.base;
    const head = this.#cursor.head;
    if (purges % 2 === 1 || head < base) return AGAIN;
    const { processors } = this.#memory;
    const totals = noTotals(processors);
    const isRead = this.#addAll(totals, window, base, head, fetched);
    if (fetched.under.length > 0) return LATER;
    return isRead && this.#cursor.purges === purges ? totals : AGAIN;
  }

  /** Adds sums of what the window takes whole, and rows where it cuts a block. False when they could not be read. */
  #addAll(
    totals: Totals,
    window: SummaryWindow,
    base: number,
    head: number,
    fetched: Fetched,
  ): boolean {
    const sealed = Math.floor(head / BLOCK_ROWS);
    let block = base / BLOCK_ROWS;
    while (block < sealed) {
      const passed = this.#passOver(totals, block, sealed, window);
      if (passed === block && !this.#addRows(totals, window, block++, head, fetched)) return false;
      block = Math.max(block, passed);
    }
    return block * BLOCK_ROWS === head || this.#addRows(totals, window, block, head, fetched);
  }

  /**
   * Adds pieces that begin with this block and lie inside the window, or passes over those outside it, of the
   * highest level that has one. Gives the block behind them: the same where the window cuts it.
   */
  #passOver(totals: Totals, block: number, sealed: number, window: SummaryWindow): number {
    const { levels } = this.#columns;
    let blocks = SUPER_BLOCKS ** (levels.length - 1);
    for (let level = levels.length - 1; level >= 0; level--, blocks /= SUPER_BLOCKS) {
      if (block % blocks !== 0) continue;
      const piece = block / blocks;
      // Pieces are taken as far as the next one of the level above begins.
      const next = (Math.floor(piece / SUPER_BLOCKS) + 1) * SUPER_BLOCKS;
      const end = Math.min(Math.floor(sealed / blocks), next);
      const passed = passOver(totals, levels[level]!, piece, end, window);
      if (passed > piece) return passed * blocks;
    }
    return block;
  }

  #isOutside(block: number, { fromMs, toMs }: SummaryWindow): boolean {
    const { minMs, maxMs } = this.#columns.blocks;
    return (maxMs[block] as number) < fromMs || (minMs[block] as number) > toMs;
  }

  /** Counts a processor's rows in a block; 0 when it has no entries and its rows are not in the ring. */
  #countIn(block: number, processor: number, endRow: number): number {
    const { blocks, processor: ring } = this.#columns;
    const [from, to] = [blocks.from[block] as number, blocks.to[block] as number];
    for (let entry = from; entry < to; entry++) {
      if (blocks.processor[entry] === processor) return blocks.count[entry] as number;
    }
    let count = 0;
    if (from !== to || !this.#isInRing(block * BLOCK_ROWS)) return count;
    for (let row = block * BLOCK_ROWS; row < endRow; row++) {
      if (ring[row % this.#memory.slots] === processor) count++;
    }
    return count;
  }

  /** Adds the block's rows one by one. False when they could not be read as they were. */
  #addRows(
    totals: Totals,
    window: SummaryWindow,
    block: number,
    head: number,
    fetched: Fetched,
  ): boolean {
    const fromRow = block * BLOCK_ROWS;
    const toRow = Math.min(fromRow + BLOCK_ROWS, head);
    if (this.#isInRing(fromRow)) {
      const before = snapshot(totals);
      const slot = fromRow % this.#memory.slots;
      addRowsInWindow(totals, window, this.#columns, slot, slot + toRow - fromRow);
      if (this.#isInRing(fromRow)) return true;
      restore(totals, before);
    }
    const sums = fetched.sums.get(toRow) ?? this.#oldSums(fromRow, toRow, window);
    if (sums instanceof Promise) {
      fetched.under.push(this.#fetch(sums, toRow - fromRow, toRow, fetched));
      return fetched.under.length < FETCHED_AT_ONCE;
    }
    if (sums.rows !== toRow - fromRow) return false;
    for (const [processor, count, cents] of sums.sums) {
      totals.counts[processor]! += count;
      totals.cents[processor]! += cents;
    }
    return true;
  }

  async #fetch(
    coming: Promise<SumsOfRows>,
    count: number,
    toRow: number,
    { sums }: Fetched,
  ): Promise<void> {
    const found = await coming;
    if (found.rows === count) sums.set(toRow, found);
  }

  /** Has rows of the journal read, and sums them here. */
  readonly #sumRows: OldSums = (fromRow, toRow, window) => {
    const rows = this.#oldRows(fromRow, toRow);
    return rows instanceof Promise
      ? rows.then((found) => this.#sumsIn(window, found))
      : this.#sumsIn(window, rows);
  };

  #sumsIn(window: SummaryWindow, rows: LedgerRows): SumsOfRows {
    const { length } = rows.requestedAtMs;
    const totals = noTotals(this.#memory.processors);
    addRowsInWindow(totals, window, rows, 0, length);
    const sums = Array.from(totals.counts, (count, processor) => {
      return [processor, count, totals.cents[processor]!] as const;
    });
    return { rows: length, sums };
  }

  /** False once the writer may have begun to write over the row's slot, and before it has filled it. */
  #isInRing(row: number): boolean {
    return this.#cursor.head < row + this.#memory.slots && row >= this.#cursor.filledFrom;
  }
}

/**
 * Adds pieces that lie inside the window and have entries, or skips pieces that lie outside: as many of
 * the same sort as follow each other. Gives the piece after them: `piece` itself where the window cuts it.
 */
function passOver(
  totals: Totals,
  columns: TotalsColumns,
  piece: number,
  endPiece: number,
  { fromMs, toMs }: SummaryWindow,
): number {
  const { minMs, maxMs, from, to } = columns;
  let end = piece;
  while (end < endPiece && (maxMs[end]! < fromMs || minMs[end]! > toMs)) end++;
  if (end > piece) return end;
  while (end < endPiece && minMs[end]! >= fromMs && maxMs[end]! <= toMs && from[end] !== to[end])
    end++;
  // The entries of pieces that follow each other do so, too.
  if (end > piece) addEntries(totals, columns, from[piece]!, to[end - 1]!);
  return end;
}

function addEntries(
  { counts, cents }: Totals,
  { processor, count, cents: ofEntry }: TotalsColumns,
  from: number,
  to: number,
): void {
  for (let entry = from; entry < to; entry++) {
    const number = processor[entry]!;
    counts[number]! += count[entry]!;
    cents[number]! += ofEntry[entry]!;
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

function noTotals(processors: number): Totals {
  return { counts: new Float64Array(processors), cents: new Float64Array(processors) };
}

function snapshot({ counts, cents }: Totals): Totals {
  return { counts: counts.slice(), cents: cents.slice() };
}

function restore(totals: Totals, before: Totals): void {
  totals.counts.set(before.counts);
  totals.cents.set(before.cents);
}
