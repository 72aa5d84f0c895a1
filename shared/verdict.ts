import type { Payment } from "./payment.ts";

/**
 * The worker's answer about a payment that was handed over to be journaled. `stored` and
 * `duplicate` (the same payment) mean durable; `conflict` is the same id with another amount, source or
 * reference;
 * `busy` means not taken, try again after the delay; `elsewhere` not taken, since another worker has its
 * shard by the map of that version. With `mayBeStored` another copy of it may have been taken. `invalid`
 * cannot be taken at all.
 */
export type Verdict =
  | { readonly kind: "stored" }
  | { readonly kind: "duplicate" }
  | { readonly kind: "conflict" }
  | { readonly kind: "busy"; readonly retryAfterMs: number; readonly mayBeStored?: true }
  | { readonly kind: "elsewhere"; readonly mapVersion: number; readonly mayBeStored?: true }
  | { readonly kind: "invalid" };

export type LinkTraffic = {
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly retransmissions: number;
  /** Frames that were not believed, by reason. */
  readonly drops: Readonly<Record<string, number>>;
};

/**
 * The seam between ingress and worker: hand over a payment, get a verdict. Resolves `null` when no
 * verdict came within the acknowledgement timeout: the payment may or may not be stored.
 */
export interface Link {
  pay(payment: Payment): Promise<Verdict | null>;
  /** Number of this process, which stands in every frame that it sends. */
  readonly instance: number;
  /** True while the worker answers; false before its first answer, and when it falls silent. */
  readonly answering: boolean;
  /** Counts of what has gone over the link so far. */
  readonly traffic: LinkTraffic;
  close(): void;
}

/** A link to one worker, which may be asked without a promise as well: a payment has one, and no more. */
export interface WorkerLink extends Link {
  /** Calls `done` once, with what `pay` would resolve. */
  hand(payment: Payment, done: (verdict: Verdict | null) => void): void;
}
