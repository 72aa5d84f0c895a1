/**
 * A ledger of its own, of more rows than a run has payments: filled as a start and a worker fill it, and summed
 * meanwhile.
 *
 *   R18  sums, span, blocks and rows of a ledger of many blocks are those of its rows one by one, wherever it
 *        begins, whatever has left the ring, and however little room there is for totals
 */
import { allocateLedger, BLOCK_ROWS, LedgerWriter, SUPER_BLOCKS } from "../../worker/ledger.ts";
import { CENTS_MAX } from "../../worker/limits.ts";
import { SummaryReader, type SummaryWindow, type Totals } from "../../worker/summary.ts";
import type { BlockTotals, LedgerRows } from "../../worker/transitions.ts";
import type { Chance } from "./chance.ts";
import { Violation } from "./violation.ts";

const BEGIN_MS = 1_767_225_600_000;
const ROWS_MAX = 3 * SUPER_BLOCKS * BLOCK_ROWS;
const APPENDED_MAX = 700;
const BLOCKS_BEFORE_MAX = SUPER_BLOCKS + 6;
/** Rows of one run, at most: those known at the start, a block that is not full, and those appended. */
const DRAWN_MAX = (BLOCKS_BEFORE_MAX + 1) * BLOCK_ROWS + 20 * APPENDED_MAX;
const WINDOWS = 4;

/** Throws a violation; the promise is kept by microtasks alone. */
export async function checkBooks(chance: Chance): Promise<void> {
  const books = new Books(chance);
  books.start();
  if (chance.happens(0.2)) books.purge();
  await books.check();
  books.fill();
  for (let i = 0; i < 2; i++) {
    books.append(chance.between(1, APPENDED_MAX));
    books.fill();
    await books.check();
  }
  books.purge();
  books.append(chance.between(0, APPENDED_MAX));
  await books.check();
  books.checkRefusals();
}

class Books {
  readonly #chance: Chance;
  readonly #processors: number;
  readonly #writer: LedgerWriter;
  readonly #reader: SummaryReader;
  readonly #slots: number;
  /** Totals of all blocks have room. */
  readonly #hasRoom: boolean;
  /** First rows of what the reader has asked the journal for. */
  #asked: number[] = [];
  /** All rows from the first on, apart from the ledger. */
  readonly #columns: LedgerRows = allocated(DRAWN_MAX);
  #count = 0;
  /** Number of the first. */
  #baseRow: number;
  #atMs = BEGIN_MS;

  constructor(chance: Chance) {
    this.#chance = chance;
    this.#processors = chance.between(1, 4);
    this.#slots = chance.pick([BLOCK_ROWS, 2 * BLOCK_ROWS, 4 * BLOCK_ROWS]);
    this.#baseRow = BLOCK_ROWS * chance.pick([0, 0, 1, SUPER_BLOCKS - 1, SUPER_BLOCKS]);
    const entries = chance.pick([undefined, undefined, 0, 7, 100]);
    this.#hasRoom = entries === undefined;
    const memory = allocateLedger(this.#slots, this.#processors, ROWS_MAX, entries);
    this.#writer = new LedgerWriter(memory);
    const isLater = chance.happens(0.5);
    this.#reader = new SummaryReader(memory, (fromRow, toRow) => {
      this.#asked.push(fromRow);
      const rows = this.#between(fromRow, toRow);
      return isLater ? Promise.resolve(rows) : rows;
    });
  }

  get #head(): number {
    return this.#baseRow + this.#count;
  }

  get #rows(): LedgerRows {
    return this.#between(this.#baseRow, this.#head);
  }

  /** Draws rows as they are settled: in the order of their instants but for a little. */
  #draw(count: number): LedgerRows {
    const { requestedAtMs, amountCents, processor } = this.#columns;
    for (let at = this.#count; at < this.#count + count; at++) {
      const draw = Math.floor(this.#chance.next() * 2 ** 32);
      this.#atMs += draw % 5;
      requestedAtMs[at] = this.#atMs - (draw % 64);
      amountCents[at] = 1 + (draw % 99_991);
      processor[at] = (draw >>> 6) % this.#processors;
    }
    this.#count += count;
    return this.#between(this.#head - count, this.#head);
  }

  #between(fromRow: number, toRow: number): LedgerRows {
    const [from, to] = [fromRow - this.#baseRow, toRow - this.#baseRow];
    return {
      requestedAtMs: this.#columns.requestedAtMs.subarray(from, to),
      amountCents: this.#columns.amountCents.subarray(from, to),
      processor: this.#columns.processor.subarray(from, to),
    };
  }

  /** Blocks are known by their totals, and then a part of one by its rows. */
  start(): void {
    this.#writer.startAt(this.#baseRow);
    const many = this.#chance.between(SUPER_BLOCKS, BLOCKS_BEFORE_MAX);
    const blocks = this.#chance.pick([0, 3, many]);
    for (let block = 0; block < blocks; block++)
      this.#writer.restoreBlock(totalsOf(this.#draw(BLOCK_ROWS), this.#processors));
    const rest = this.#chance.pick([0, this.#chance.between(0, BLOCK_ROWS - 1)]);
    this.#writer.restoreRows(this.#draw(rest));
  }

  append(count: number): void {
    const { requestedAtMs, amountCents, processor } = this.#draw(count);
    for (let i = 0; i < count; i++) {
      const row = this.#writer.append(requestedAtMs[i]!, amountCents[i]!, processor[i]!);
      if (row !== this.#head - count + i) fail(`row ${row} is written, and not the next`);
    }
  }

  /** Fills the ring behind the start, with rows that were read before others have come. */
  fill(): void {
    for (let pieces = this.#chance.between(0, 4); pieces > 0; pieces--) {
      const range = this.#writer.unfilled(this.#chance.pick([100, BLOCK_ROWS]));
      const { fromRow, toRow } = range;
      if (fromRow < this.#baseRow || toRow > this.#head) fail(`rows from ${fromRow} are wanted`);
      if (fromRow <= this.#head - this.#slots && fromRow < toRow)
        fail(`row ${fromRow} is wanted, which has no slot`);
      const rows = this.#between(fromRow, toRow);
      if (this.#chance.happens(0.3)) this.append(this.#chance.between(1, 300));
      if (toRow === fromRow) return;
      this.#writer.fill(range, rows);
      if (this.#writer.unfilled(0).toRow !== fromRow) fail(`row ${fromRow} is wanted again`);
    }
  }

  /** Rows that are on their way meanwhile are for nobody. */
  purge(): void {
    const range = this.#writer.unfilled(BLOCK_ROWS);
    const rows = this.#between(range.fromRow, range.toRow);
    const baseRow = this.#writer.purge();
    if (baseRow !== Math.ceil(this.#head / BLOCK_ROWS) * BLOCK_ROWS)
      fail(`it begins anew at row ${baseRow}`);
    this.#writer.fill(range, rows);
    this.#baseRow = baseRow;
    this.#count = 0;
  }

  async check(): Promise<void> {
    this.#checkEnds();
    const windows = [...this.#windows()];
    for (const window of windows) await this.#checkWindow(window);
    await this.#checkBlocks(this.#chance.pick(windows));
  }

  #checkEnds(): void {
    const { head, rowsLeft, centsLeft } = this.#writer;
    const { requestedAtMs, amountCents } = this.#rows;
    const cents = amountCents.reduce((sum, one) => sum + one, 0);
    if (head !== this.#head) fail(`${head} rows are written, and not ${this.#head}`);
    if (centsLeft !== CENTS_MAX - cents) fail(`${centsLeft} cents are left beside ${cents}`);
    if (rowsLeft !== Math.max(0, ROWS_MAX / 2 - head))
      fail(`${rowsLeft} rows are left behind ${head}`);
    const [fromMs, toMs] = [leastOf(requestedAtMs), mostOf(requestedAtMs)];
    const span = requestedAtMs.length === 0 ? null : { fromMs, toMs };
    if (!Bun.deepEquals(this.#reader.span(), span)) fail(`it spans another time than its rows`);
  }

  *#windows(): Generator<SummaryWindow> {
    yield { fromMs: -Infinity, toMs: Infinity };
    const { requestedAtMs } = this.#rows;
    if (requestedAtMs.length === 0) return;
    const some = () => requestedAtMs[this.#chance.between(0, requestedAtMs.length - 1)]!;
    const edge = () => some() + this.#chance.pick([-1, 0, 0, 1]);
    for (let i = 0; i < WINDOWS; i++) {
      const [a, b] = [edge(), edge()];
      yield { fromMs: Math.min(a, b), toMs: Math.max(a, b) };
    }
    const at = edge();
    yield { fromMs: at, toMs: at };
    // Just as a block begins and another ends.
    const blocks = Math.floor(requestedAtMs.length / BLOCK_ROWS);
    if (blocks === 0) return;
    const extentOf = (block: number) =>
      requestedAtMs.subarray(block * BLOCK_ROWS, (block + 1) * BLOCK_ROWS);
    const [first, last] = [0, 1].map(() => this.#chance.between(0, blocks - 1)).sort(ascending);
    yield { fromMs: leastOf(extentOf(first!)), toMs: mostOf(extentOf(last!)) };
  }

  async #checkWindow(window: SummaryWindow): Promise<void> {
    this.#asked = [];
    const read = this.#reader.read(window);
    const totals = read instanceof Promise ? await read : read;
    const expected = this.#sumsIn(window);
    if (!Bun.deepEquals([...totals.counts], [...expected.counts]))
      fail(`${[...totals.counts]} rows are summed, and not ${[...expected.counts]}`);
    if (!Bun.deepEquals([...totals.cents], [...expected.cents]))
      fail(`${[...totals.cents]} cents are summed, and not ${[...expected.cents]}`);
    if (this.#hasRoom) this.#checkAsked(window);
  }

  /** The journal is asked for blocks alone that the window cuts: the others are summed by their totals. */
  #checkAsked({ fromMs, toMs }: SummaryWindow): void {
    for (const row of this.#asked) {
      const { requestedAtMs } = this.#between(row, Math.min(this.#head, row + BLOCK_ROWS));
      const [minMs, maxMs] = [leastOf(requestedAtMs), mostOf(requestedAtMs)];
      const isCut = (minMs < fromMs && maxMs >= fromMs) || (minMs <= toMs && maxMs > toMs);
      if (!isCut && row + BLOCK_ROWS <= this.#head)
        fail(`the journal is asked for row ${row}, whose block the window does not cut`);
    }
  }

  #sumsIn({ fromMs, toMs }: SummaryWindow): Totals {
    const { requestedAtMs, amountCents, processor } = this.#rows;
    const counts = new Float64Array(this.#processors);
    const cents = new Float64Array(this.#processors);
    for (let i = 0; i < requestedAtMs.length; i++) {
      const atMs = requestedAtMs[i]!;
      if (atMs < fromMs || atMs > toMs) continue;
      counts[processor[i]!]!++;
      cents[processor[i]!]! += amountCents[i]!;
    }
    return { counts, cents };
  }

  /** Every row of the window is in a block, which has its own and counts a processor's. */
  async #checkBlocks(window: SummaryWindow): Promise<void> {
    const processor = this.#chance.between(0, this.#processors - 1);
    let toRowBefore = this.#baseRow;
    for (const block of this.#reader.blocksOf(window, processor)) {
      const { fromRow, toRow, minMs, maxMs, count } = block;
      const end = Math.min(toRow, this.#head);
      const { requestedAtMs, processor: of } = this.#between(fromRow, end);
      this.#checkSkipped(toRowBefore, fromRow, window);
      toRowBefore = toRow;
      if (minMs !== leastOf(requestedAtMs) || maxMs !== mostOf(requestedAtMs))
        fail(`the block of row ${fromRow} spans another time than its rows`);
      const theirs = of.filter((one) => one === processor).length;
      const isSealed = this.#hasRoom && toRow <= this.#head;
      const mayBeUnknown = !isSealed && this.#isBehindTheRing(fromRow);
      const isKnown = count === theirs || (count === 0 && mayBeUnknown);
      if (!isKnown) fail(`the block of row ${fromRow} counts ${count}, and not ${theirs}`);
    }
    this.#checkSkipped(toRowBefore, this.#head, window);
    await this.#checkRows();
  }

  #isBehindTheRing(row: number): boolean {
    return this.#head >= row + this.#slots || row < this.#writer.unfilled(0).toRow;
  }

  #checkSkipped(fromRow: number, toRow: number, { fromMs, toMs }: SummaryWindow): void {
    const { requestedAtMs } = this.#between(fromRow, Math.max(fromRow, toRow));
    if (requestedAtMs.some((atMs) => atMs >= fromMs && atMs <= toMs))
      fail(`a block behind row ${fromRow} is left out`);
  }

  async #checkRows(): Promise<void> {
    if (this.#head === this.#baseRow) return;
    const row = this.#chance.between(this.#baseRow, this.#head - 1);
    const fromRow = row - (row % BLOCK_ROWS);
    const toRow = Math.min(this.#head, fromRow + BLOCK_ROWS);
    const rows = await this.#reader.rowsOf(fromRow, toRow);
    if (!Bun.deepEquals(rows, this.#between(fromRow, toRow)))
      fail(`rows from ${fromRow} are read as others`);
  }

  /** It takes nothing that is not its next. */
  checkRefusals(): void {
    const range = this.#writer.unfilled(BLOCK_ROWS);
    const tooMany = allocated(range.toRow - range.fromRow + 1);
    expectRefusal("rows with a gap", () => this.#writer.fill(range, tooMany));
    const isInside = this.#head % BLOCK_ROWS !== 0;
    const block = totalsOf(allocated(0), this.#processors);
    if (isInside) expectRefusal("a block inside another", () => this.#writer.restoreBlock(block));
    const full = new LedgerWriter(allocateLedger(BLOCK_ROWS, 1, BLOCK_ROWS));
    for (let row = 0; row < BLOCK_ROWS - 1; row++) full.append(BEGIN_MS, 1, 0);
    expectRefusal("a row that it has no room for", () => full.append(BEGIN_MS, 1, 0));
    expectRefusal("a begin inside a block", () => full.startAt(1));
  }
}

function allocated(count: number): LedgerRows {
  const column = () => new Float64Array(count);
  return { requestedAtMs: column(), amountCents: column(), processor: column() };
}

function totalsOf(
  { requestedAtMs, amountCents, processor }: LedgerRows,
  processors: number,
): BlockTotals {
  const counts = new Array<number>(processors).fill(0);
  const cents = new Array<number>(processors).fill(0);
  for (const [i, number] of processor.entries()) {
    counts[number]!++;
    cents[number]! += amountCents[i]!;
  }
  return { minMs: leastOf(requestedAtMs), maxMs: mostOf(requestedAtMs), counts, cents };
}

function leastOf(values: Float64Array): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

function mostOf(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

function ascending(a: number, b: number): number {
  return a - b;
}

function expectRefusal(what: string, happen: () => void): void {
  try {
    happen();
  } catch {
    return;
  }
  fail(`it takes ${what}`);
}

function fail(what: string): void {
  throw new Violation(`R18: the ledger: ${what}`);
}
