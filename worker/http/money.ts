/**
 * Sums what the processors charge for the settled payments of a window, and what the cheapest and the
 * dearest of those that were configured at the time would have: payment by payment, each under the tariff
 * that it was charged under (`worker/tariffs.ts`).
 *
 * While every tariff of an era is a part of the amount, the sums follow from the summary's cents. Else
 * they do not: a sum of rounded fees is not the rounded fee of the sum. Then rows are read, and what
 * super-blocks of rows come to is kept in memory, so that each is summed once in the life of the process.
 * Sums in the journal were refused: they would be one more thing that the commit of a settlement writes,
 * and 16 384 rows are summed here in 2 ms from the ring, and in 20 from the journal.
 */
import {
  compareFees,
  decimalOf,
  feeOf,
  isShare,
  millionthsOf,
  shareOfSum,
  type Fee,
  type Tariff,
} from "../../shared/tariff.ts";
import { decimalFromCents } from "../../shared/money.ts";
import type { Money } from "../../shared/http-api/money.ts";
import { BLOCK_ROWS, columnsOf, LedgerCursor, SUPER_BLOCKS, type LedgerMemory } from "../ledger.ts";
import type { SummaryReader, SummaryWindow } from "../summary.ts";
import type { Configured, Era, Known } from "../tariffs.ts";
import type { LedgerRows } from "../transitions.ts";

/** Longest time that a reading keeps the thread before others have their turn. */
const TURN_MS = 5;
const READINGS_MAX = 100;
const ALWAYS: SummaryWindow = {
  fromMs: Number.NEGATIVE_INFINITY,
  toMs: Number.POSITIVE_INFINITY,
};
const SUPER_ROWS = BLOCK_ROWS * SUPER_BLOCKS;

export class MoneyReader {
  readonly #summary: SummaryReader;
  readonly #known: Known;
  readonly #names: readonly string[];
  readonly #cursor: LedgerCursor;
  readonly #blocks: { readonly minMs: Float64Array; readonly maxMs: Float64Array };
  /** Sums of super-blocks that are full and lie in one of these eras, as of that number of purges. */
  #kept = new Map<number, Sums>();
  #keptAsOf = 0;
  #keptOf: readonly Era[] = [];

  /** `known` may have other eras later, when another worker has begun a tariff. */
  constructor(memory: LedgerMemory, summary: SummaryReader, known: Known) {
    this.#summary = summary;
    this.#known = known;
    this.#names = known.names;
    this.#cursor = new LedgerCursor(memory);
    this.#blocks = columnsOf(memory).blocks;
  }

  /** Sums a window, both ends included. The thread has turns in between when it takes long. */
  async read(window: SummaryWindow): Promise<Money> {
    await this.#summary.fresh();
    for (let reading = 0; reading < READINGS_MAX; reading++) {
      const purges = this.#cursor.purges;
      const sums = await this.#readOnce(window);
      if (sums !== null && purges % 2 === 0 && this.#cursor.purges === purges) {
        return moneyOf(sums, this.#names);
      }
      await Bun.sleep(1);
    }
    throw new Error("rows that have left the ring are not in the journal yet");
  }

  /** Null when rows could not be read as they were. */
  async #readOnce(window: SummaryWindow): Promise<EraSums[] | null> {
    const read: EraSums[] = [];
    const { eras } = this.#known;
    for (const era of eras) {
      const inEra = {
        fromMs: Math.max(window.fromMs, era.fromMs),
        toMs: Math.min(window.toMs, era.toMs),
      };
      if (inEra.fromMs > inEra.toMs) continue;
      const sums = era.tariffs.every((tariff) => tariff === null || isShare(tariff.terms))
        ? await this.#shares(era, inEra)
        : await this.#rows(era, inEra);
      if (sums === null) return null;
      read.push({ era, sums });
    }
    return eras === this.#known.eras ? read : null;
  }

  async #shares(era: Era, window: SummaryWindow): Promise<Sums> {
    const { counts, cents } = await this.#summary.read(window);
    const sums = new Sums(this.#names.length);
    const rates = pricesOf(era).map(({ perMillion }) => perMillion);
    const [least, most] = [Math.min(...rates), Math.max(...rates)];
    for (const [processor, tariff] of era.tariffs.entries()) {
      if (tariff === null) continue;
      sums.counts[processor] = counts[processor]!;
      sums.cents[processor] = cents[processor]!;
      const ofCents = (perMillion: number) =>
        shareOfSum({ ...tariff.terms, perMillion }, cents[processor]!);
      sums.paid[processor] = ofCents(tariff.terms.perMillion);
      sums.cheapest += ofCents(least);
      sums.dearest += ofCents(most);
    }
    return sums;
  }

  async #rows(era: Era, window: SummaryWindow): Promise<Sums | null> {
    const { base, head, purges } = this.#cursor;
    const { eras } = this.#known;
    if (purges !== this.#keptAsOf || eras !== this.#keptOf) {
      this.#kept.clear();
      this.#keptAsOf = purges;
      this.#keptOf = eras;
    }
    const sums = new Sums(this.#names.length);
    let turnedAtMs = performance.now();
    for (let row = base; row < head;) {
      const endRow = Math.min(head, (Math.floor(row / SUPER_ROWS) + 1) * SUPER_ROWS);
      const added = await this.#addPiece(sums, era, window, row, endRow);
      if (!added) return null;
      row = endRow;
      if (performance.now() - turnedAtMs < TURN_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnedAtMs = performance.now();
    }
    return sums;
  }

  /** Adds the rows of a super-block, or of a part of one at an end of the ledger. */
  async #addPiece(
    sums: Sums,
    era: Era,
    window: SummaryWindow,
    fromRow: number,
    toRow: number,
  ): Promise<boolean> {
    const span = this.#spanOf(fromRow, toRow);
    if (span.toMs < window.fromMs || span.fromMs > window.toMs) return true;
    // The window lies in the era, so that what lies in the window does, too.
    const isInside = span.fromMs >= window.fromMs && span.toMs <= window.toMs;
    if (!isInside || toRow - fromRow < SUPER_ROWS) {
      return this.#addRows(sums, era, window, fromRow, toRow);
    }
    const number = fromRow / SUPER_ROWS;
    let piece = this.#kept.get(number);
    if (piece === undefined) {
      const { purges } = this.#cursor;
      piece = new Sums(this.#names.length);
      if (!(await this.#addRows(piece, era, ALWAYS, fromRow, toRow))) return false;
      // A purge, or another tariff, may have come while rows were waited for.
      if (this.#cursor.purges !== purges || !this.#known.eras.includes(era)) return false;
      this.#kept.set(number, piece);
    }
    sums.add(piece);
    return true;
  }

  async #addRows(
    sums: Sums,
    era: Era,
    { fromMs, toMs }: SummaryWindow,
    fromRow: number,
    toRow: number,
  ): Promise<boolean> {
    const piece = new Pieces(era, this.#names.length);
    for (let row = fromRow; row < toRow; row += BLOCK_ROWS) {
      const coming = this.#summary.rowsOf(row, Math.min(toRow, row + BLOCK_ROWS));
      const rows = coming instanceof Promise ? await coming : coming;
      if (rows === null) return false;
      piece.add(rows, fromMs, toMs);
    }
    piece.addTo(sums);
    return true;
  }

  /** From the earliest instant of rows to the latest; with a block that is under way, all time. */
  #spanOf(fromRow: number, toRow: number): SummaryWindow {
    let [minMs, maxMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let row = fromRow; row < toRow; row += BLOCK_ROWS) {
      if (row + BLOCK_ROWS > toRow) return ALWAYS;
      minMs = Math.min(minMs, this.#blocks.minMs[row / BLOCK_ROWS]!);
      maxMs = Math.max(maxMs, this.#blocks.maxMs[row / BLOCK_ROWS]!);
    }
    return { fromMs: minMs, toMs: maxMs };
  }
}

type EraSums = { readonly era: Era; readonly sums: Sums };

/** Sums by processor number; fees in millionths of a cent. */
class Sums {
  readonly counts: number[];
  readonly cents: number[];
  readonly paid: bigint[];
  cheapest = 0n;
  dearest = 0n;

  constructor(processors: number) {
    this.counts = new Array<number>(processors).fill(0);
    this.cents = new Array<number>(processors).fill(0);
    this.paid = new Array<bigint>(processors).fill(0n);
  }

  add({ counts, cents, paid, cheapest, dearest }: Sums): void {
    for (let i = 0; i < counts.length; i++) {
      this.counts[i]! += counts[i]!;
      this.cents[i]! += cents[i]!;
      this.paid[i]! += paid[i]!;
    }
    this.cheapest += cheapest;
    this.dearest += dearest;
  }
}

/** Adds up rows of one era, few enough for whole cents and millionths to be exact as doubles. */
class Pieces {
  readonly #tariffs: readonly (Configured | null)[];
  readonly #prices: readonly Tariff[];
  readonly #counts: Float64Array;
  readonly #cents: Float64Array;
  readonly #paid: Tally[];
  readonly #cheapest = new Tally();
  readonly #dearest = new Tally();

  constructor(era: Era, processors: number) {
    this.#tariffs = era.tariffs;
    this.#prices = pricesOf(era);
    this.#counts = new Float64Array(processors);
    this.#cents = new Float64Array(processors);
    this.#paid = Array.from({ length: processors }, () => new Tally());
  }

  add({ requestedAtMs, amountCents, processor }: LedgerRows, fromMs: number, toMs: number): void {
    for (let i = 0; i < requestedAtMs.length; i++) {
      if (requestedAtMs[i]! < fromMs || requestedAtMs[i]! > toMs) continue;
      const cents = amountCents[i]!;
      const number = processor[i]!;
      const tariff = this.#tariffs[number]!;
      if (tariff === null) continue;
      this.#counts[number]! += 1;
      this.#cents[number]! += cents;
      const paid = feeOf(tariff.terms, cents);
      let [least, most] = [paid, paid];
      for (const price of this.#prices) {
        const fee = feeOf(price, cents);
        if (compareFees(fee, least) < 0) least = fee;
        if (compareFees(fee, most) > 0) most = fee;
      }
      this.#paid[number]!.add(paid);
      this.#cheapest.add(least);
      this.#dearest.add(most);
    }
  }

  addTo(sums: Sums): void {
    for (const [i, tally] of this.#paid.entries()) {
      sums.counts[i]! += this.#counts[i]!;
      sums.cents[i]! += this.#cents[i]!;
      sums.paid[i]! += millionthsOf(tally);
    }
    sums.cheapest += millionthsOf(this.#cheapest);
    sums.dearest += millionthsOf(this.#dearest);
  }
}

class Tally implements Fee {
  cents = 0;
  millionths = 0;

  add({ cents, millionths }: Fee): void {
    this.cents += cents;
    this.millionths += millionths;
  }
}

function pricesOf({ tariffs }: Era): Tariff[] {
  return tariffs.flatMap((tariff) => (tariff === null ? [] : [tariff.terms]));
}

function moneyOf(read: readonly EraSums[], names: readonly string[]): Money {
  const each = new Map<number, Omit<Money["each"][number], "paid"> & { sum: bigint }>();
  let [cents, paid, cheapest, dearest] = [0, 0n, 0n, 0n];
  for (const { era, sums } of read) {
    cheapest += sums.cheapest;
    dearest += sums.dearest;
    for (const [processor, tariff] of era.tariffs.entries()) {
      if (tariff === null) continue;
      const { number, terms } = tariff;
      const before = each.get(number);
      const count = (before?.count ?? 0) + sums.counts[processor]!;
      const ownCents = (before?.cents ?? 0) + sums.cents[processor]!;
      const sum = (before?.sum ?? 0n) + sums.paid[processor]!;
      cents += sums.cents[processor]!;
      paid += sums.paid[processor]!;
      const name = names[processor]!;
      each.set(number, { name, tariff: number, terms, count, cents: ownCents, sum });
    }
  }
  return {
    total: decimalFromCents(cents),
    paid: decimalOf(paid),
    avoided: decimalOf(dearest - paid),
    left: decimalOf(paid - cheapest),
    each: [...each.values()].map(({ name, tariff, terms, count, cents: own, sum }) => {
      return { name, tariff, terms, count, cents: own, paid: decimalOf(sum) };
    }),
  };
}
