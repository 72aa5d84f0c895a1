/**
 * Sums of pieces of the ledger, in shared memory, for any number of processors that there have been.
 *
 *   pieces   minMs │ maxMs │ from │ to            one for each block, or for each piece of a level above
 *   entries  processor │ count │ cents            from … to: one for each processor with a row in the piece
 *
 * Entries lie one piece's after the other's, so that a processor costs nothing where it has no row. If the
 * room for them ends, a piece has none: a reader sums its blocks or rows instead, which is slower, not
 * wrong. A column for each processor was refused: all names of all time had to fit one buffer of 4 GiB.
 */
export type TotalsMemory = {
  readonly pieces: number;
  readonly entries: number;
  readonly buffer: SharedArrayBuffer;
};

export type TotalsColumns = {
  readonly minMs: Float64Array;
  readonly maxMs: Float64Array;
  /** Entries of a piece: from `from` up to, not including, `to`; equal where it has none. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly processor: Uint32Array;
  readonly count: Uint32Array;
  readonly cents: Float64Array;
};

const PIECE_BYTES = 8 + 8 + 4 + 4;
const ENTRY_BYTES = 4 + 4 + 8;

export function allocateTotals(pieces: number, entries: number): TotalsMemory {
  const bytes = pieces * PIECE_BYTES + entries * ENTRY_BYTES;
  return { pieces, entries, buffer: new SharedArrayBuffer(bytes) };
}

export function totalsColumnsOf({ pieces, entries, buffer }: TotalsMemory): TotalsColumns {
  let at = 0;
  const float64 = (length: number) => {
    const column = new Float64Array(buffer, at, length);
    at += column.byteLength;
    return column;
  };
  const uint32 = (length: number) => {
    const column = new Uint32Array(buffer, at, length);
    at += column.byteLength;
    return column;
  };
  // Columns of eight bytes come first, since they must begin at multiples of eight.
  const [minMs, maxMs, cents] = [float64(pieces), float64(pieces), float64(entries)];
  const [from, to] = [uint32(pieces), uint32(pieces)];
  const [processor, count] = [uint32(entries), uint32(entries)];
  return { minMs, maxMs, from, to, processor, count, cents };
}

/** Gathers one piece, then writes its entries: readers may look once the ledger's head says so. */
export class TotalsWriter {
  readonly columns: TotalsColumns;
  readonly #room: number;
  readonly #counts: Float64Array;
  readonly #cents: Float64Array;
  /** Processors that have a row in the piece. */
  #touched: number[] = [];
  #next = 0;
  #hasRoom = true;

  constructor(memory: TotalsMemory, processors: number) {
    this.columns = totalsColumnsOf(memory);
    this.#room = memory.entries;
    this.#counts = new Float64Array(processors);
    this.#cents = new Float64Array(processors);
  }

  add(processor: number, count: number, cents: number): void {
    if (this.#counts[processor] === 0) this.#touched.push(processor);
    this.#counts[processor]! += count;
    this.#cents[processor]! += cents;
  }

  /** Writes the piece's entries, and adds each to the piece above that is being gathered, if there is one. */
  seal(piece: number, above?: TotalsWriter): void {
    const { columns } = this;
    // Room that has ended stays so, and pieces with entries follow each other without a gap.
    this.#hasRoom &&= this.#next + this.#touched.length <= this.#room;
    columns.from[piece] = this.#next;
    for (const processor of this.#touched) {
      const [count, cents] = [this.#counts[processor]!, this.#cents[processor]!];
      above?.add(processor, count, cents);
      if (!this.#hasRoom) continue;
      columns.processor[this.#next] = processor;
      columns.count[this.#next] = count;
      columns.cents[this.#next] = cents;
      this.#next++;
    }
    columns.to[piece] = this.#next;
    this.#forget();
  }

  /** Makes room anew, after a purge of all that was sealed. */
  restart(): void {
    this.#forget();
    this.#next = 0;
    this.#hasRoom = true;
  }

  #forget(): void {
    for (const processor of this.#touched) {
      this.#counts[processor] = 0;
      this.#cents[processor] = 0;
    }
    this.#touched = [];
  }
}
