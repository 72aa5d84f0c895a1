/**
 * The questions that are asked of a journal while another thread writes it: by the worker's http thread
 * for a payment's status, its story, lists and the audit, and by commands beside a worker. Each driver
 * of the journal answers them in its own way (journal/sqlite-reader.ts, journal/postgres/reader.ts), and all give
 * the same answers (journal/reader.test.ts). Amounts are whole cents, instants whole
 * milliseconds since 1970, processors their numbers in the journal. A read never writes, and finds what
 * was durable when it began. It rejects with `JournalUnreachable` when the journal cannot be asked.
 */
import type { ORDERS } from "../shared/http-api/operator.ts";
import type { KnownTariff } from "./tariffs.ts";
import type { FailedAttempt, Intervention, LedgerRows, PaymentState } from "./transitions.ts";

/** Its message is a sentence for whoever asked, who may ask again. */
export class JournalUnreachable extends Error {}

export type PaymentRecord = {
  readonly correlationId: string;
  readonly seq: number;
  readonly amountCents: number;
  readonly state: PaymentState;
  /** The shop's, if it gave one. */
  readonly reference: string | null;
  readonly acceptedAtMs: number;
  /** Null while it belongs to no processor. */
  readonly processor: number | null;
  readonly requestedAtMs: number | null;
  /** Null also for a payment whose settlement was pruned. */
  readonly settledAtMs: number | null;
};

/** Why nothing is tried any more; null in every other state, and `code` also where its processor gave none. */
export type WhyEnded = { readonly reason: string | null; readonly code: string | null };
export type PaymentFound = PaymentRecord & WhyEnded;

/** `attempts` counts those that failed, and `reason` is the last one's. */
export type ListedPayment = PaymentRecord & {
  readonly attempts: number;
  readonly reason: string | null;
};

export type PaymentStory = {
  readonly payment: PaymentRecord;
  /** The first and the last that are kept, in the order in which they ended. */
  readonly attempts: readonly FailedAttempt[];
  readonly attemptsLeftOut: number;
  readonly interventions: readonly Intervention[];
};

/** Query of a list; a null state asks for everything that is not settled. */
export type ListQuery = {
  readonly state: PaymentState | null;
  readonly order: (typeof ORDERS)[number];
  readonly limit: number;
  /** Id of the payment behind which the list begins, null for all of it. */
  readonly after: string | null;
};

/** Open payments of one state that were accepted at so many of the bounds or before them. */
export type AgeBand = {
  readonly state: PaymentState;
  readonly band: number;
  readonly count: number;
  readonly cents: number;
  readonly oldestMs: number;
};

/** Three instants, the latest first. */
export type AgeBounds = readonly [number, number, number];

/** Both included. */
export type Instants = { readonly fromMs: number; readonly toMs: number };

/** Sums of rows that were requested in a window, and how many rows there are in all, so that a gap shows. */
export type SumsOfRows = {
  readonly rows: number;
  readonly sums: readonly (readonly [processor: number, count: number, cents: number])[];
};

/** Rows of the ledger from `fromRow` up to, not including, `toRow`. */
export type RowRange = { readonly fromRow: number; readonly toRow: number };
/**
 * Rows of one order of commits, by their numbers in the journal: of a file, which has one, it is 0; of a
 * database, each worker's. Elsewhere rows are those of the ledger in memory that goes with the reader.
 */
export type StreamRows = RowRange & { readonly stream: number };

export type SettledRecord = {
  readonly correlationId: string;
  readonly amountCents: number;
  readonly requestedAtMs: number;
};

/** Where a page of payments goes on, and in which order. */
export type PagePlace =
  /** Newest accepted first, requested in a window; `waiting` adds those that are not requested at all. */
  | ({
      readonly order: "accepted";
      readonly waiting: boolean;
      readonly beforeSeq: number;
    } & Instants)
  /** Newest requested first, and of one instant those that were accepted last. */
  | {
      readonly order: "requested";
      readonly fromMs: number;
      readonly beforeMs: number;
      /** Bounds those of `beforeMs` itself. */
      readonly beforeSeq: number;
    };

/** Null takes any. */
export type PageFilter = {
  readonly state: PaymentState | null;
  readonly processor: number | null;
};

export type ExportedPayment = {
  readonly correlationId: string;
  readonly reference: string | null;
  readonly amountCents: number;
  readonly processor: number;
  readonly requestedAtMs: number;
  readonly acceptedAtMs: number;
  /** Null when that was not noted. */
  readonly settledAtMs: number | null;
};

/** Names of processors by number, and all tariffs that payments were charged under. */
export type Charging = {
  readonly names: readonly string[];
  readonly tariffs: readonly KnownTariff[];
};

export interface JournalReader {
  /** Null when the id is unknown, here and below. */
  payment(correlationId: string): Promise<PaymentFound | null>;
  /** Tells one state of the journal. */
  story(correlationId: string): Promise<PaymentStory | null>;
  /** Lists open payments, oldest or largest first; null when `after` is the id of no payment. */
  list(query: ListQuery): Promise<ListedPayment[] | null>;
  /** Gives payments that are not settled, behind a place; at most `limit`. */
  pageOfOpen(place: PagePlace, filter: PageFilter, limit: number): Promise<PaymentFound[]>;
  /** Gives payments that were settled in some rows of the ledger, behind a place; at most `limit`. */
  pageOfSettled(
    rows: readonly RowRange[],
    place: PagePlace,
    processor: number | null,
    limit: number,
  ): Promise<PaymentRecord[]>;
  /** Finds the newest time of request among payments that are not settled. */
  newestOpenMs(): Promise<number | null>;
  /** Gives payments of a reference, in any state, behind a place; at most `limit`. Pruned ones are left out. */
  pageOfReference(
    reference: string,
    place: PagePlace,
    filter: PageFilter,
    limit: number,
  ): Promise<PaymentFound[]>;
  /** Finds the newest time of request among payments of a reference. */
  newestOfReferenceMs(reference: string): Promise<number | null>;
  /** Counts open payments by state and age, in that order: the oldest `max` of them. */
  ages(bounds: AgeBounds, max: number): Promise<AgeBand[]>;
  /** Counts payments that are not settled and belong to a processor, by its number. */
  openByProcessor(): Promise<ReadonlyMap<number, number>>;
  /** Finds what an operator did to a processor last. */
  lastIntervention(processor: number): Promise<Intervention | null>;
  /**
   * Gives rows that were settled, without those whose commit is not done yet. A promise where the
   * answer comes over a network: a summary adds them at once where it can.
   */
  rows(fromRow: number, toRow: number): LedgerRows | Promise<LedgerRows>;
  /** Sums such rows, a block at most; only of a file, which is quicker at it than at giving them. */
  sumsOf?(fromRow: number, toRow: number, requested: Instants): SumsOfRows;

  /** Gives a processor's settled payments in these rows, at most `limit`. */
  settledIn(
    processor: number,
    rows: RowRange,
    requested: Instants,
    limit: number,
  ): Promise<SettledRecord[]>;
  /** Gives payments that belong to a processor and are not settled, at most `limit`. */
  openAt(processor: number, requested: Instants, limit: number): Promise<PaymentRecord[]>;
  /** Gives payments with one of these times of request that are not settled there, at most `limit`. */
  requestedAt(
    instantsMs: readonly number[],
    notSettledAt: number,
    limit: number,
  ): Promise<PaymentRecord[]>;
  /**
   * Finds the payments with an attempt at a processor that ended at most `spanMs` after one of the
   * instants, and how long after the last one before it: the least of the payment's attempts, by id.
   * The whole journal is read, piece by piece: no index is kept for what almost never happens.
   */
  attemptsAfter(
    processor: number,
    instantsMs: readonly number[],
    spanMs: number,
  ): Promise<ReadonlyMap<string, number>>;

  /** Gives the payments of rows that were settled, in their order, of those that were requested then. */
  exported(rows: StreamRows, requested: Instants): Promise<ExportedPayment[]>;
  /** Tells where each order of the ledger begins and ends now. */
  ledger(): Promise<StreamRows[]>;
  charging(): Promise<Charging>;
  /** Sums are exact from this instant on; null: from the beginning. */
  prunedBeforeMs(): Promise<number | null>;

  /** Finds the address of a processor by its name; null before one was known. */
  address(name: string): Promise<string | null>;
  /** Gives the last instant of which a purge or a prune has forgotten payments; null if there was none. */
  forgottenUpToMs(): Promise<number | null>;
  /** Tells when the journal was put in place as a copy that nobody trusts yet; null if it is none. */
  restoredAtMs(): Promise<number | null>;
  close(): Promise<void>;
}

/** Time since the last of the instants, in their order, that is not later; infinite without one. */
export function sinceLast(instantsMs: readonly number[], atMs: number): number {
  const last = instantsMs.findLast((instant) => instant <= atMs);
  return last === undefined ? Number.POSITIVE_INFINITY : atMs - last;
}
