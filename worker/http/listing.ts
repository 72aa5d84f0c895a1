/**
 * Lists payments, newest requestedAt first, in pages, without an index of requestedAt. Settled payments
 * lie in the ledger in the order of settling, which is nearly that of requestedAt, and every full block of
 * 256 rows has its earliest and latest instant in shared memory: a page reads the few blocks that can hold
 * it. Payments that are not settled are few, and are read beside them, before: one that settles meanwhile
 * is found twice, and listed once.
 *
 *   front   payments that wait for a processor, and those of the newest instant that the first page saw;
 *           newest accepted first
 *   rest    requested before that instant, by it
 *
 * A place in the rest stays: an instant that was given stays with its payment, and what is sent later gets
 * a later one. Payments of the front may be sent and settled while pages are read, and keep their place by
 * the number of their acceptance; so a page of the front looks at what was settled since, too. One that a
 * processor refuses is no longer requested, and moves to the front of a new list (docs/adr/0054).
 *
 * Payments of one reference are few, and are read by its index in whatever state they are.
 */
import type {
  Instants,
  JournalReader,
  PagePlace,
  PaymentFound,
  PaymentRecord,
  RowRange,
} from "../journal-reader.ts";
import { BLOCK_ROWS, columnsOf, LedgerCursor, type LedgerMemory } from "../ledger.ts";
import type { TotalsColumns } from "../ledger/totals.ts";
import { SUPER_BLOCKS } from "../limits.ts";
import { cursorOf, type Place } from "./page-cursor.ts";
import type { PageQuery } from "./page-query.ts";

export type Page = { readonly payments: readonly PaymentFound[]; readonly next: string | null };

/** Open payments, the last accepted first; `isAll`: there are no more. */
type Newest = { readonly payments: readonly PaymentFound[]; readonly isAll: boolean };
/** Blocks that one question reads: at most so many, and no more than hold so many payments. */
type Bound = { readonly blocks: number; readonly payments: number };
type Rest = Extract<PagePlace, { order: "requested" }>;
type Reader = Pick<
  JournalReader,
  "pageOfOpen" | "pageOfSettled" | "newestOpenMs" | "pageOfReference" | "newestOfReferenceMs"
>;

const [LEAST, MOST] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
/** Blocks that one question reads at most. */
const BLOCKS_AT_ONCE = 4_096;

export class Listing {
  readonly #journal: Reader;
  readonly #slots: number;
  readonly #cursor: LedgerCursor;
  readonly #ring: Float64Array;
  readonly #blocks: TotalsColumns;
  /** Spans of many blocks at once, which pass over them. */
  readonly #supers: TotalsColumns;

  constructor(memory: LedgerMemory, journal: Reader) {
    this.#journal = journal;
    this.#slots = memory.slots;
    this.#cursor = new LedgerCursor(memory);
    const { requestedAtMs, blocks, supers } = columnsOf(memory);
    this.#ring = requestedAtMs;
    this.#blocks = blocks;
    this.#supers = supers;
  }

  async page(query: PageQuery): Promise<Page> {
    const { limit, question, reference } = query;
    const newest = query.place === null && reference === null ? await this.#newest(query) : null;
    const place =
      query.place ??
      (reference === null ? await this.#begin(newest) : await this.#beginOfReference(reference));
    const front = place.beforeMs === null ? await this.#front(query, place, limit + 1, newest) : [];
    const left = limit + 1 - front.length;
    const rest = left > 0 ? await this.#rest(query, place, left, newest) : [];
    const found = [...front, ...rest];
    const payments = found.slice(0, limit);
    if (found.length <= limit) return { payments, next: null };
    const { requestedAtMs, seq } = payments.at(-1)!;
    const beforeMs = front.length >= limit ? null : requestedAtMs;
    return { payments, next: cursorOf(question, { ...place, beforeMs, beforeSeq: seq }) };
  }

  /** Reads the open payments of a list for its first page: once, where a page holds them all. */
  async #newest({ window, filter, limit }: PageQuery): Promise<Newest> {
    const waiting = window.toMs === Number.POSITIVE_INFINITY;
    const all: PagePlace = { order: "accepted", ...bounded(window), waiting, beforeSeq: MOST };
    const payments = await this.#open(filter, all, limit + 1);
    return { payments, isAll: payments.length <= limit };
  }

  /** Where a list begins now: with the newest instant that is known. */
  async #begin(newest: Newest | null): Promise<Place> {
    const open = newest?.isAll
      ? Math.max(LEAST, ...newest.payments.map(({ requestedAtMs }) => requestedAtMs ?? LEAST))
      : await this.#journal.newestOpenMs();
    const { maxMs } = this.#blocks;
    const { head } = this.#cursor;
    const sealed = Math.floor(head / BLOCK_ROWS);
    let frontFromMs = open ?? LEAST;
    for (let row = sealed * BLOCK_ROWS; row < head; row++) {
      frontFromMs = Math.max(frontFromMs, this.#ring[row % this.#slots]!);
    }
    // The last full block's is nearly the newest instant of all: few blocks reach further, and they are looked for.
    if (sealed > this.#firstBlock()) frontFromMs = Math.max(frontFromMs, maxMs[sealed - 1]!);
    for (let block = this.#firstReaching(frontFromMs + 1, sealed); block < sealed;) {
      frontFromMs = maxMs[block]!;
      block = this.#firstReaching(frontFromMs + 1, sealed, block);
    }
    return { frontFromMs, beforeMs: null, beforeSeq: MOST };
  }

  async #beginOfReference(reference: string): Promise<Place> {
    const frontFromMs = (await this.#journal.newestOfReferenceMs(reference)) ?? LEAST;
    return { frontFromMs, beforeMs: null, beforeSeq: MOST };
  }

  async #front(
    { window, filter, reference }: PageQuery,
    place: Place,
    limit: number,
    newest: Newest | null,
  ) {
    const { frontFromMs, beforeSeq } = place;
    const { fromMs, toMs } = bounded(window);
    if (toMs < frontFromMs) return [];
    const behind: PagePlace = {
      order: "accepted",
      fromMs: Math.max(fromMs, frontFromMs),
      toMs,
      // They will be requested later than any instant that somebody can name.
      waiting: window.toMs === Number.POSITIVE_INFINITY,
      beforeSeq,
    };
    if (reference !== null) return this.#journal.pageOfReference(reference, behind, filter, limit);
    const isFront = ({ requestedAtMs: at }: PaymentFound) => at === null || at >= frontFromMs;
    const isRead = newest !== null && (newest.isAll || newest.payments.every(isFront));
    const open = isRead ? newest.payments.filter(isFront) : await this.#open(filter, behind, limit);
    const first = this.#firstReaching(frontFromMs, this.#sealedBlocks());
    const rows = [{ fromRow: first * BLOCK_ROWS, toRow: MOST }];
    const settled = await this.#settled(filter, rows, behind, limit);
    return merged(open, settled, limit, (a, b) => b.seq - a.seq);
  }

  async #rest(
    { window, filter, reference }: PageQuery,
    place: Place,
    limit: number,
    newest: Newest | null,
  ) {
    const { fromMs, toMs } = bounded(window);
    const { frontFromMs, beforeMs, beforeSeq } = place;
    const behind: Rest =
      beforeMs !== null
        ? { order: "requested", fromMs, beforeMs, beforeSeq }
        : toMs < frontFromMs
          ? { order: "requested", fromMs, beforeMs: toMs, beforeSeq: MOST }
          : { order: "requested", fromMs, beforeMs: frontFromMs, beforeSeq: 0 };
    if (reference !== null) return this.#journal.pageOfReference(reference, behind, filter, limit);
    const isRest = ({ requestedAtMs: at }: PaymentFound) => at !== null && at < frontFromMs;
    let found = newest?.isAll
      ? newest.payments.filter(isRest).sort(byInstant).slice(0, limit)
      : await this.#open(filter, behind, limit);
    if (filter.state !== null && filter.state !== "settled") return found;
    const { head } = this.#cursor;
    const sealed = this.#sealedBlocks();
    const taken = new Set<number>();
    let rows: RowRange[] = [this.#rowsBehind(sealed, head, behind)];
    let most: Bound = { blocks: BLOCKS_AT_ONCE, payments: limit };
    for (;;) {
      // Only what comes before the last one that is known already can be missing.
      const leastMs = found[limit - 1]?.requestedAtMs ?? fromMs;
      const span = { fromMs: leastMs, toMs: behind.beforeMs };
      const blocks = this.#newestBlocks(span, filter.processor, taken, sealed, most);
      rows.push(...rowsOfBlocks(blocks));
      if (rows.length === 0) return found;
      const settled = await this.#settled(filter, rows, { ...behind, fromMs: leastMs }, limit);
      found = merged(found, settled, limit, byInstant);
      rows = [];
      const more = Math.min(2 * Math.max(blocks.length, 2), BLOCKS_AT_ONCE);
      most = { blocks: more, payments: Number.POSITIVE_INFINITY };
    }
  }

  /**
   * Takes full blocks that may hold a processor's payments of a span, those that reach furthest into its
   * end first; no more than a bound asks for.
   */
  #newestBlocks(
    { fromMs, toMs }: Instants,
    processor: number | null,
    taken: Set<number>,
    sealed: number,
    most: Bound,
  ): number[] {
    const { minMs, maxMs } = this.#blocks;
    const reach = (block: number) => Math.min(maxMs[block]!, toMs);
    let leastMs = fromMs;
    let held = 0;
    const found: number[] = [];
    const heldIn = (block: number) => rowsIn(this.#blocks, block, processor) ?? BLOCK_ROWS;
    const first = this.#firstBlock();
    // Newer blocks reach further, so that later ones are passed over by the first comparisons.
    for (let block = sealed - 1; block >= first; block--) {
      block = this.#passBackTo(block, first, sealed, { fromMs: leastMs, toMs }, processor);
      if (block < first) break;
      if (maxMs[block]! < leastMs || minMs[block]! > toMs || taken.has(block)) continue;
      if (heldIn(block) === 0) continue;
      held += heldIn(block);
      const at = found.findIndex((other) => reach(other) > reach(block));
      found.splice(at === -1 ? found.length : at, 0, block);
      // The span may end within the block that reaches furthest, which counts for nothing.
      const others = () => held - heldIn(found[0]!) - heldIn(found.at(-1)!);
      while (found.length > 2 && (found.length > most.blocks || others() >= most.payments)) {
        held -= heldIn(found.shift()!);
        // The last one found reaches as far as the least of those that are kept.
        leastMs = Math.max(leastMs, reach(found[0]!));
      }
    }
    for (const block of found) taken.add(block);
    return found;
  }

  /**
   * Passes back over super-blocks that are full and have nothing of a span, or of a processor, and gives the
   * first block that is in none of them. One that was begun before a purge may say too much of itself,
   * never too little.
   */
  #passBackTo(
    block: number,
    first: number,
    sealed: number,
    { fromMs, toMs }: Instants,
    processor: number | null,
  ): number {
    const { minMs, maxMs } = this.#supers;
    let at = block;
    while (at >= first && at % SUPER_BLOCKS === SUPER_BLOCKS - 1 && at < sealed) {
      const entry = Math.floor(at / SUPER_BLOCKS);
      const isInSpan = maxMs[entry]! >= fromMs && minMs[entry]! <= toMs;
      if (isInSpan && rowsIn(this.#supers, entry, processor) !== 0) break;
      at -= SUPER_BLOCKS;
    }
    return at;
  }

  /** The first full block, from one on, that has an instant or a later one; the end of them when there is none. */
  #firstReaching(fromMs: number, sealed: number, from = this.#firstBlock()): number {
    const { maxMs } = this.#blocks;
    for (let block = from; block < sealed; block++) {
      block = this.#passTo(block, sealed, fromMs);
      if (block < sealed && maxMs[block]! >= fromMs) return block;
    }
    return sealed;
  }

  /** The same forward, over those that end before an instant. */
  #passTo(block: number, sealed: number, fromMs: number): number {
    const { maxMs } = this.#supers;
    let at = block;
    while (at % SUPER_BLOCKS === 0 && at + SUPER_BLOCKS <= sealed) {
      if (maxMs[at / SUPER_BLOCKS]! >= fromMs) break;
      at += SUPER_BLOCKS;
    }
    return at;
  }

  async #open(filter: PageQuery["filter"], place: PagePlace, limit: number) {
    return filter.state === "settled" ? [] : this.#journal.pageOfOpen(place, filter, limit);
  }

  async #settled(
    { state, processor }: PageQuery["filter"],
    rows: readonly RowRange[],
    place: PagePlace,
    limit: number,
  ): Promise<PaymentFound[]> {
    if (state !== null && state !== "settled") return [];
    const found = await this.#journal.pageOfSettled(rows, place, processor, limit);
    return found.map((payment) => Object.assign(payment, { reason: null, code: null }));
  }

  /**
   * Rows behind the last full block: those of the block that is not full, unless all that it has in memory lie
   * outside of a place, and always those that are committed and not in memory yet. `head` was read before.
   */
  #rowsBehind(sealed: number, head: number, { fromMs, beforeMs }: Rest): RowRange {
    const { minMs, maxMs } = this.#blocks;
    const fromRow = sealed * BLOCK_ROWS;
    const isApart = maxMs[sealed]! < fromMs || minMs[sealed]! > beforeMs;
    return { fromRow: isApart ? Math.max(fromRow, head) : fromRow, toRow: MOST };
  }

  #firstBlock(): number {
    return Math.floor(this.#cursor.base / BLOCK_ROWS);
  }

  #sealedBlocks(): number {
    return Math.floor(this.#cursor.head / BLOCK_ROWS);
  }
}

function bounded({ fromMs, toMs }: Instants): Instants {
  return { fromMs: Math.max(fromMs, LEAST), toMs: Math.min(toMs, MOST) };
}

/** Rows that a full piece has of a processor; null for all of them, and where it has no room for its sums. */
function rowsIn(pieces: TotalsColumns, piece: number, processor: number | null): number | null {
  const { from, to, processor: numbers, count } = pieces;
  if (processor === null || from[piece] === to[piece]) return null;
  for (let entry = from[piece]!; entry < to[piece]!; entry++) {
    if (numbers[entry] === processor) return count[entry]!;
  }
  return 0;
}

/** Blocks that follow each other are one range. */
function rowsOfBlocks(blocks: readonly number[]): RowRange[] {
  const rows: { fromRow: number; toRow: number }[] = [];
  for (const block of blocks.toSorted((a, b) => a - b)) {
    const fromRow = block * BLOCK_ROWS;
    const last = rows.at(-1);
    if (last?.toRow === fromRow) last.toRow += BLOCK_ROWS;
    else rows.push({ fromRow, toRow: fromRow + BLOCK_ROWS });
  }
  return rows;
}

function byInstant(a: PaymentRecord, b: PaymentRecord): number {
  return (b.requestedAtMs as number) - (a.requestedAtMs as number) || b.seq - a.seq;
}

/** A payment that stands in both is the later one, which was read last. */
function merged(
  before: readonly PaymentFound[],
  later: readonly PaymentFound[],
  limit: number,
  order: (a: PaymentFound, b: PaymentFound) => number,
): PaymentFound[] {
  if (before.length === 0) return [...later];
  const bySeq = new Map(before.map((payment) => [payment.seq, payment]));
  for (const payment of later) bySeq.set(payment.seq, payment);
  return [...bySeq.values()].sort(order).slice(0, limit);
}
