/** A payment that is not settled yet, as the stages of the worker hand it on. */
import type { Payment } from "../shared/payment.ts";
import type { Assignment } from "./transitions.ts";

/**
 * `accepting`: its acceptance is not durable yet. `queued`: durable, belongs to no processor.
 * `assigned` and `unknown`: belongs to that processor, with that body, until it says what became of
 * it; unknown once an attempt got no clear answer, and then no refusal can release it. `held`: an
 * operator's; nothing is sent for it, and it stays with its processor if it has one.
 */
export type OpenState =
  | { readonly kind: "accepting" }
  | { readonly kind: "queued" }
  | { readonly kind: "assigned"; readonly assignment: Assignment }
  | { readonly kind: "unknown"; readonly assignment: Assignment }
  | { readonly kind: "held"; readonly assignment: Assignment | null };

export type OpenPayment = {
  readonly seq: number;
  readonly payment: Payment;
  /** Wall clock. */
  readonly acceptedAtMs: number;
  /** Steady clock: accepted + patience. */
  readonly deadlineMs: number;
  state: OpenState;
  /** Attempts that a processor refused, since the start of the process. */
  refusals: number;
  /** Calls to its processor under way. */
  calls: number;
  /** Steady clock: when an attempt ended last; of an earlier process, when this one began. */
  attemptedAtMs: number;
};
