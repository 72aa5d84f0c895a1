/**
 * Folds the ledgers of all workers into one, in this process's memory: what was committed to any stream is folded
 * into columns like those that a worker over a file has, so that whoever sums, lists or audits knows one
 * ledger. One statement reads how far every stream has come and the rows up to there: each fold is one
 * snapshot of all workers, and a question that folds first counts everything that was committed before it.
 *
 *   stream 0   rows 0 … 300            ┐              row of the fold   0 … 300   301 … 400   401 … 500
 *   stream 1   rows 0 … 100            ├──► folded       stream, row    0, 0      1, 0        0, 301
 *   stream 0   rows 301 … 400, later   ┘                                   one run each
 *
 * Rows of the fold have an order of their own, which is another one in each process and after each start;
 * runs tell where they lie in the database, for those that have left the ring. A purge moves the base of
 * every stream in one transaction, and begins the fold anew.
 *
 * A start takes full blocks by their totals, so that it does not depend on how many rows the ring holds; these
 * come afterwards, piece by piece. Until then windows are answered by the database where they cut a block, and
 * cost what older ones cost. Following each commit was refused: several
 * followers cost a fifth to a half of the throughput (docs/adr/0057-streams-are-folded.md).
 */
import { JournalUnreachable, type RowRange, type StreamRows } from "../../journal-reader.ts";
import { BLOCK_ROWS, STREAMS } from "../../limits.ts";
import type { BlockTotals, LedgerRows } from "../../transitions.ts";
import { arrayOf, ledgerBlocks, ledgerRows, type Ask } from "./ledger.ts";

/** Finds where rows of the reader's own order lie in the database. */
export type Places = { piecesOf(range: RowRange): StreamRows[] };

/** The ledger in memory that is written here, and by nobody else. */
export type FoldedLedger = {
  readonly memory: { readonly processors: number };
  readonly head: number;
  append(requestedAtMs: number, amountCents: number, processor: number): number;
  restoreBlock(totals: BlockTotals): void;
  unfilled(rowsMax: number): RowRange;
  fill(range: RowRange, rows: LedgerRows): void;
  purge(): number;
};

/** Rows of the fold from `at` on, one after the other in a stream. */
type Run = { readonly at: number; readonly stream: number; readonly fromRow: number };

type Known = { readonly base: number; readonly row: number };
type Ends = { readonly stream: number; readonly base: number; readonly rows: number };
type FoldedRow = Ends & {
  readonly at: number | null;
  readonly cents: number;
  readonly processor: number;
};

const NOTHING: Known = { base: 0, row: 0 };
const NO_BLOCKS: Promise<BlockTotals[]> = Promise.resolve([]);
/** Bounds the memory that a start or a fold takes, and what a database that does not answer is asked for at least. */
const ROWS_AT_ONCE = 64 * BLOCK_ROWS;
const ROWS_AT_ONCE_MIN = BLOCK_ROWS;
const BLOCK_TOTALS_AT_ONCE = 8_192;
const TRIES = 6;
const TRY_AGAIN_MS = 500;

/**
 * Rows that a question asks for: half as many after one that the database did not answer in time, as a busy one may
 * not, and twice as many after one that it did.
 */
class Portion {
  rows = ROWS_AT_ONCE;

  async ask<T>(question: (rowsMax: number) => Promise<T>): Promise<T> {
    try {
      const answer = await question(this.rows);
      this.rows = Math.min(ROWS_AT_ONCE, this.rows * 2);
      return answer;
    } catch (error) {
      this.rows = Math.max(ROWS_AT_ONCE_MIN, this.rows / 2);
      throw error;
    }
  }
}

export class Fold implements Places {
  readonly #ask: Ask;
  readonly #ledger: FoldedLedger;
  /** Base of each stream, and the first of its rows that is not folded. */
  readonly #known = new Map<number, Known>();
  readonly #toFill = new Portion();
  readonly #toFold = new Portion();
  #runs: Run[] = [];
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  private constructor(ask: Ask, ledger: FoldedLedger) {
    this.#ask = ask;
    this.#ledger = ledger;
  }

  /** Folds all that there is into an empty ledger: full blocks by their totals, without their rows. */
  static async begin(ask: Ask, ledger: FoldedLedger): Promise<Fold> {
    const fold = new Fold(ask, ledger);
    for (let left = TRIES; ; left--) {
      try {
        await fold.#load();
        await fold.fresh();
        return fold;
      } catch (error) {
        // A purge may have come between, or the database may be away for a moment.
        if (left === 1) throw error;
        fold.#forget();
        await Bun.sleep(TRY_AGAIN_MS);
      }
    }
  }

  /** Resolves when all is folded that was committed before. Rejects when the database does not answer. */
  fresh(): Promise<void> {
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = null;
        return (this.#running = this.#fold());
      });
    return this.#next;
  }

  /** Fills the ring with the rows that a start has left out, the newest first, however long the database is away. */
  async fill(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      try {
        if (!(await this.#toFill.ask((rowsMax) => this.fillPiece(rowsMax)))) return;
      } catch (error) {
        if (!(error instanceof JournalUnreachable)) throw error;
        await Bun.sleep(TRY_AGAIN_MS);
      }
    }
  }

  /** Fills the ring with so many rows at most. False when there is nothing left to fill. */
  async fillPiece(rowsMax: number = ROWS_AT_ONCE): Promise<boolean> {
    const runs = this.#runs;
    const range = this.#ledger.unfilled(rowsMax);
    const count = range.toRow - range.fromRow;
    if (count === 0) return false;
    const rows = await ledgerRows(this.#ask, ...this.piecesOf(range));
    if (rows.requestedAtMs.length === count) this.#ledger.fill(range, rows);
    else {
      // A purge that was not folded yet has taken rows away.
      await this.fresh();
      if (runs === this.#runs) throw gapIn(this.piecesOf(range)[0]!.stream);
    }
    return true;
  }

  /** Rows that are not folded yet lie behind all that are: a range without an end has those of every stream. */
  piecesOf({ fromRow, toRow }: RowRange): StreamRows[] {
    const pieces: StreamRows[] = [];
    const { head } = this.#ledger;
    for (let i = this.#runAt(fromRow); i < this.#runs.length; i++) {
      const run = this.#runs[i]!;
      if (run.at >= toRow) break;
      const end = Math.min(toRow, this.#runs[i + 1]?.at ?? head);
      const skipped = Math.max(0, fromRow - run.at);
      const piece = {
        stream: run.stream,
        fromRow: run.fromRow + skipped,
        toRow: run.fromRow + end - run.at,
      };
      if (piece.fromRow < piece.toRow) pieces.push(piece);
    }
    if (toRow <= head) return pieces;
    for (let stream = 0; stream < STREAMS; stream++) {
      const { row } = this.#known.get(stream) ?? NOTHING;
      pieces.push({ stream, fromRow: row, toRow: Number.MAX_SAFE_INTEGER });
    }
    return pieces;
  }

  /** The last run that begins at a row or before it. */
  #runAt(row: number): number {
    let [low, high] = [0, this.#runs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#runs[middle]!.at <= row) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Takes full blocks first, since a block's totals begin at a block's row. */
  async #load(): Promise<void> {
    const ledger = this.#ledger;
    const { processors } = ledger.memory;
    const all = await this.#ask<Ends>(
      "SELECT stream::int, base::float8, rows::float8 FROM streams WHERE rows > base ORDER BY stream",
      [],
    );
    const step = Math.max(1, Math.floor(BLOCK_TOTALS_AT_ONCE / processors)) * BLOCK_ROWS;
    for (const { stream, base, rows } of all) {
      const end = Math.floor(rows / BLOCK_ROWS) * BLOCK_ROWS;
      const ask = (from: number) => {
        const to = Math.min(end, from + step);
        const answer =
          from < to ? ledgerBlocks(this.#ask, stream, from, to, processors) : NO_BLOCKS;
        // Once one has failed nobody waits for the next.
        answer.catch(() => {});
        return answer;
      };
      for (let row = base, next = ask(base); row < end; row += step) {
        const to = Math.min(end, row + step);
        const blocks = await next;
        // The database answers the next question while these are taken in.
        next = ask(to);
        const at = ledger.head;
        for (const totals of blocks) ledger.restoreBlock(totals);
        if (ledger.head - at !== to - row) throw gapIn(stream);
        this.#folded(stream, base, row, to, at);
      }
      this.#known.set(stream, { base, row: end });
    }
  }

  async #fold(): Promise<void> {
    while (!(await this.#toFold.ask((rowsMax) => this.#foldPiece(rowsMax))));
  }

  /** Folds so many rows of each stream at most; false when there is more. */
  async #foldPiece(rowsMax: number): Promise<boolean> {
    const known = [...this.#known];
    const rows = await this.#ask<FoldedRow>(
      `SELECT s.stream::int, s.base::float8, s.rows::float8, l.requested_at_ms::float8 AS at,
           l.amount_cents::float8 AS cents, l.processor::int
         FROM streams s
         LEFT JOIN unnest($1::int[], $2::bigint[], $3::bigint[]) AS k (stream, base, row) ON k.stream = s.stream AND k.base = s.base
         LEFT JOIN LATERAL (SELECT * FROM ledger r WHERE r.stream = s.stream AND r.row < s.rows
           AND r.row >= coalesce(k.row, s.base) ORDER BY r.row LIMIT $4::int) l ON true
         WHERE s.rows > 0 ORDER BY s.stream, l.row`,
      [
        arrayOf(known.map(([stream]) => stream)),
        arrayOf(known.map(([, { base }]) => base)),
        arrayOf(known.map(([, { row }]) => row)),
        rowsMax,
      ],
    );
    return this.#take(rows, rowsMax);
  }

  /** Appends what was read; false when there is more. */
  #take(rows: readonly FoldedRow[], rowsMax: number): boolean {
    // Bases move all at once. One that goes back has nothing above it: numbers of its rows begin anew.
    const isPurged = rows.some(
      ({ stream, base }) => base > (this.#known.get(stream)?.base ?? base),
    );
    if (isPurged) this.#forget();
    let isAll = true;
    for (let i = 0; i < rows.length;) {
      const { stream, base, rows: end } = rows[i]!;
      const before = this.#known.get(stream) ?? { base, row: base };
      const from = base === before.base ? before.row : base;
      const at = this.#ledger.head;
      for (; rows[i]?.stream === stream; i++) {
        const { at: requestedAtMs, cents, processor } = rows[i]!;
        if (requestedAtMs !== null) this.#ledger.append(requestedAtMs, cents, processor);
      }
      const to = from + this.#ledger.head - at;
      if (to < end && to - from < rowsMax) throw gapIn(stream);
      this.#folded(stream, base, from, to, at);
      isAll &&= to === end;
    }
    return isAll;
  }

  #forget(): void {
    this.#ledger.purge();
    this.#known.clear();
    this.#runs = [];
  }

  /** Notes that rows of a stream stand from `at` on; behind what stands there of it, the run goes on. */
  #folded(stream: number, base: number, fromRow: number, toRow: number, at: number): void {
    this.#known.set(stream, { base, row: toRow });
    if (fromRow === toRow) return;
    const last = this.#runs.at(-1);
    const goesOn = last?.stream === stream && last.fromRow + at - last.at === fromRow;
    if (!goesOn) this.#runs.push({ at, stream, fromRow });
  }
}

function gapIn(stream: number): Error {
  return new Error(`the journal's ledger has a gap in its stream ${stream}`);
}
