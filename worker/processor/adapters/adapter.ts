/**
 * Everything that the worker has to know about a kind of processor: which HTTP call is a charge, and what its answer
 * means. An adapter describes; it holds no clock, socket, timer or promise. Connections, time limits, retries,
 * breaker and resolver are the worker's, the same for every kind.
 *
 * The rule that everything rests on (docs/PROTOCOL.md, "What a call can tell"): only an answer on a short,
 * explicit list says that nothing was recorded. The default of every classification is `unknown`: the
 * processor may have recorded the payment, or may still be about to.
 */
import type { Lacking } from "../../../shared/http-api/lacking.ts";
import type { Payment } from "../../../shared/payment.ts";
import type { Charge } from "../charge.ts";

/** A request to a processor: posted when it has a body, else a GET. */
export type HttpCall = {
  /** Path and query below the processor's url, in ASCII, beginning with `/`. */
  readonly path: string;
  /** Headers beside those that every call has; names and values in visible ASCII. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** `application/json` when absent. */
  readonly contentType?: string;
};

export type HttpAnswer = {
  readonly status: number;
  /** Null when it is no text in UTF-8. */
  readonly body: string | null;
  /** Header Retry-After. What it asks for beside *overloaded* is respected by the worker. */
  readonly retryAfter: string | null;
  /** Its end was announced, so that one cut short would have been noticed. */
  readonly complete: boolean;
};

/** A processor's code of a rejection: one word, which shops compare and store. */
export const CODE = /^[\w.:-]{1,64}$/;

/** Meaning of the answer to a charge. */
export type Charged =
  /** Recorded: this payment, with this amount, by this attempt or an earlier one. */
  | { readonly kind: "accepted" }
  /** Some attempt under this id is recorded there; a look tells whether it is ours. */
  | { readonly kind: "exists" }
  /** Certainly not recorded by this attempt. `overloaded`: a limiter said so, not a fault. */
  | { readonly kind: "refused"; readonly reason: string; readonly overloaded: boolean }
  /**
   * Not recorded by this attempt: the processor says that it does not take such a payment.
   * `isFinal`: that is surely about this payment, such as a card that was declined, and is believed at
   * once. Without it another payment has to be accepted before, since it may be our configuration.
   * `code`: the processor's own word for the cause, for programs of shops, as `CODE` below.
   */
  | {
      readonly kind: "rejected";
      readonly reason: string;
      readonly isFinal?: true;
      readonly code?: string | undefined;
    }
  /** It may be recorded, now or later. */
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * Meaning of the answer to a look. `found`: it is recorded, with whole cents, or null for an amount that is
 * not a number of those; `requestedAtMs` is null where a processor keeps no instant of ours.
 *
 * `nothing`: it was asked and has no such payment; absence now proves nothing about a moment later.
 * `unasked`: it cannot be reached, fails, has no time, or does not know yet. `unclear`: anything else, such as
 * a record that cannot be read: it may well have the payment.
 */
export type LookOutcome =
  | {
      readonly kind: "found";
      readonly amountCents: number | null;
      readonly requestedAtMs: number | null;
    }
  | { readonly kind: NotFound; readonly reason: string };
export type NotFound = "nothing" | "unasked" | "unclear";

export type HealthReading = {
  readonly failing: boolean;
  readonly minResponseTimeMs: number;
};

/** Both bounds in milliseconds, included. */
export type Window = { readonly fromMs: number; readonly toMs: number };
/** Payments recorded in a window, and the sum of their amounts in cents. */
export type Totals = { readonly count: number; readonly cents: number };

/** Promises that an adapter does without: whatever lacks a call has no use for what rests on it. */
export function lacksOf({ lookup, totals, health }: Omit<Adapter, "charge">): Lacking[] {
  return [
    ...(lookup === undefined ? ["look" as const] : []),
    // Books are compared payment by payment where sums differ.
    ...(totals === undefined || lookup === undefined ? ["totals" as const] : []),
    ...(health === undefined ? ["health" as const] : []),
  ];
}

/** P1 to P6 are the promises in docs/PROCESSORS.md. */
export type Adapter = {
  /** The call that charges a payment: the same bytes at every attempt, whenever it is asked. */
  charge(payment: Charge): HttpCall;
  classifyCharge(answer: HttpAnswer, payment: Charge): Charged;
  /** How to ask for a payment by our id (P4); absent when that cannot be asked. */
  readonly lookup?: {
    call(payment: Payment): HttpCall;
    classify(answer: HttpAnswer, payment: Payment): LookOutcome;
  };
  /** How to ask whether it works (P6); absent when its answers to charges alone say so. Null is no news. */
  readonly health?: {
    readonly call: HttpCall;
    read(answer: HttpAnswer): HealthReading | null;
    /** Pause between the beginnings of two such calls. */
    readonly everyMs: number;
  };
  /**
   * How to ask for its totals of a window, both ends included, by the instant that a charge was requested
   * at (P5); absent when it cannot be audited. Null: the answer gives none.
   */
  readonly totals?: {
    call(window: Window): HttpCall;
    read(answer: HttpAnswer): Totals | null;
  };
  /**
   * Time for which a second charge under the same id surely changes nothing (P2), from the first one; infinite
   * when for ever. Afterwards nothing is sent again: it is looked up, and then it is an operator's.
   */
  readonly remembersForMs: number;
  /** Headers that carry the configured secret; `Authorization: Bearer` when absent. */
  authorize?(secret: string): Readonly<Record<string, string>>;
};
