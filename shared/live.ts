/**
 * What the worker shows of itself while somebody watches: the JSON of `GET /dashboard/live`, once with
 * `?once` or `Accept: application/json`, else as an event stream with one `live` event a second.
 *
 * The page, `worker top` and scripts read it. Fields are added, not renamed. Instants are ISO 8601 in
 * UTC, money is whole cents, and everything under `seconds` and `changes` has a number that grows by
 * one: the first event of a stream, and every single answer, holds all that is kept; later events hold
 * what is new since the one before.
 */
export type LiveSnapshot = {
  readonly at: string;
  readonly startedAt: string;
  /** Since the start, by a clock that nobody sets, as of each second and change: `at` may step. */
  readonly upMs: number;
  /** Why `/readyz` is red, or null. */
  readonly notReady: string | null;
  /** From the arrival of a payment at the worker to its verdict, over the last ten seconds. */
  readonly untilDurable: Quantiles | null;
  readonly backlog: LiveBacklog;
  readonly journal: {
    /** Why the last commit failed, or null. */
    readonly trouble: string | null;
    /** Transitions that wait for their commit. */
    readonly queued: number;
  };
  /** As configured. */
  readonly lanes: readonly LiveLane[];
  /** Processors that are not configured any more and have settled payments. */
  readonly gone: readonly ({ readonly name: string } & LiveTotals)[];
  readonly seconds: readonly LiveSecond[];
  readonly changes: readonly LaneChange[];
};

export type Quantiles = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly payments: number;
};

export type LiveBacklog = {
  /** Accepted and not settled, nor final in another way. */
  readonly open: number;
  /** Beyond it payments are turned away. */
  readonly max: number;
  /** Age of the oldest open payment that nobody holds. */
  readonly oldestSeconds: number;
  readonly states: {
    /** On their way to the disk; not acknowledged yet. */
    readonly accepting: number;
    readonly queued: number;
    readonly assigned: number;
    readonly unknown: number;
    readonly held: number;
  };
  /** Final, for an operator to read. */
  readonly rejected: number;
  readonly conflict: number;
};

/** Settled since the last purge, by the ledger. */
export type LiveTotals = { readonly count: number; readonly cents: number };

export type BreakerKind = "closed" | "half-open" | "open";
/** What an operator has set. */
export type LaneMode = "auto" | "drained" | "forced";

export type LiveLane = {
  readonly name: string;
  /** Of an amount. */
  readonly fee: number;
  readonly mode: LaneMode;
  /** Nothing is sent there: it has another address than its open payments were sent to. */
  readonly moved: boolean;
  readonly breaker: BreakerKind;
  readonly latencyMs: number;
  readonly inFlight: number;
  readonly limit: number;
  readonly settled: LiveTotals;
};

/** What happened in a second of the pipeline; longer than one when it was kept from its work. */
export type LiveSecond = {
  readonly number: number;
  /** Its end. */
  readonly at: string;
  readonly upMs: number;
  readonly spanMs: number;
  readonly accepted: number;
  /** By lane. */
  readonly settled: readonly number[];
  /** From arrival to verdict; null when there was none. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** At its end. */
  readonly open: number;
  readonly unknown: number;
};

/** A change of a lane's breaker, or of what an operator has set for it, with its cause. */
export type LaneChange = {
  readonly number: number;
  readonly at: string;
  readonly upMs: number;
  readonly processor: string;
  readonly cause: string;
} & (
  | { readonly kind: "breaker"; readonly from: BreakerKind; readonly to: BreakerKind }
  | { readonly kind: "mode"; readonly from: LaneMode; readonly to: LaneMode }
);
