/**
 * Makes one call to a processor, and tells what is next for its payment. What the answer says about the processor
 * goes to its lane; what it says about the payment is written down here, and the pipeline is told where
 * the payment goes now.
 */
import type { Clock } from "../../shared/clock.ts";
import type { Log } from "../../shared/log.ts";
import { decimalFromCents } from "../../shared/money.ts";
import type { Lane } from "../lane.ts";
import { assignmentOf, nameOf, type OpenPayment } from "../payment.ts";
import type { ChargeOutcome, LookOutcome } from "../processor.ts";
import type { LaneReport, Ticket } from "../router.ts";
import { CLAIMED, type FailedAttempt } from "../transitions.ts";
import type { Found } from "./asking.ts";
import type { Payment } from "../../shared/payment.ts";
import type { OpenPayments } from "./open-payments.ts";

/** A place in flight at a lane, taken before the assignment is durable. */
export type Reservation = { readonly lane: Lane; readonly ticket: Ticket };

/** Where a payment is once a call about it has ended. */
export type Next =
  /** Settled, or parked for an operator; or held by one since the call left. */
  | { readonly kind: "settled" | "parked" | "held" }
  /** It belongs to nobody, and is not to be tried again before so long has passed. */
  | { readonly kind: "queued"; readonly restMs: number }
  /** It stays with its processor until that says what became of it. */
  | { readonly kind: "unknown" };

/** Outcome of asking a processor; the first two end the payment. */
export type Looked =
  { readonly kind: "settled" | "conflict" } | Exclude<LookOutcome, { kind: "found" }>;

/** Short enough that a processor that recovers is noticed within a second by a single payment. */
const REFUSED_REST_MS = { first: 50, max: 400 };
/**
 * A 400 is not a matter of load: the next try is for the case that somebody has mended something. An
 * acceptance there ends the rest.
 */
const REJECTED_REST_MS = { first: 1_000, max: 30_000 };

export type ChargesOptions = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly payments: OpenPayments;
  /** Told of each outcome of a charge, before anything follows from it. */
  readonly onOutcome: (nowMs: number, outcome: ChargeOutcome) => void;
  /** Told when a lane has shown that payments which it rejected may be tried again. */
  readonly onMended: () => void;
};

export class Charges {
  /** Calls under way that charge, and that look. */
  inFlight = 0;
  readonly #options: ChargesOptions;

  constructor(options: ChargesOptions) {
    this.#options = options;
  }

  /** Sends a payment that is durably assigned to the lane's processor. */
  async charge(payment: OpenPayment, { lane, ticket }: Reservation): Promise<Next> {
    const { clock, onOutcome } = this.#options;
    const { processor, requestedAtMs } = assignmentOf(payment);
    if (processor !== lane.number) throw new Error(`${nameOf(payment)}: not ${lane.name}'s`);
    const sentAtMs = clock.steadyMs();
    this.#begin(payment);
    const outcome = await lane.client.charge({ ...payment.payment, requestedAtMs });
    const nowMs = clock.steadyMs();
    payment.quietSinceMs = nowMs;
    payment.isClaimed = outcome.kind === "exists";
    lane.attempts[outcome.kind]++;
    this.#record(nowMs, lane, ticket, reportOf(outcome, nowMs - sentAtMs));
    onOutcome(nowMs, outcome);
    const next =
      outcome.kind === "exists"
        ? this.#confirmed(payment, await this.look(payment, lane))
        : this.#answered(payment, lane, outcome);
    this.#end(payment);
    return next;
  }

  /** The call that a place was taken for does not take place. */
  giveBack({ lane, ticket }: Reservation): void {
    this.#record(this.#options.clock.steadyMs(), lane, ticket, NO_CALL);
  }

  /** Asks the processor what it has recorded: settles, parks, or leaves the payment as it is. */
  async look(payment: OpenPayment, lane: Lane): Promise<Looked> {
    const { payments } = this.#options;
    const { requestedAtMs } = assignmentOf(payment);
    const { amountCents } = payment.payment;
    this.#begin(payment);
    const found = await lane.client.look(payment.payment);
    this.#end(payment);
    if (found.kind !== "found") return found;
    const here = { amountCents, requestedAtMs };
    if (differencesOf(found, here).length === 0) {
      payments.settle(payment);
      return { kind: "settled" };
    }
    const reason = differenceOf(found, here);
    payments.park(payment, "conflict", this.#attemptOf(payment, "conflict", reason));
    return { kind: "conflict" };
  }

  /** Asks a processor whether it has a payment, its own or not; changes nothing. */
  async find(payment: Payment, lane: Lane): Promise<LookOutcome> {
    this.inFlight++;
    const found = await lane.client.look(payment);
    this.inFlight--;
    return found;
  }

  /**
   * A payment becomes the processor's that has it, whomever the journal has it with, and ends there once
   * that is durable: settled with what is recorded, or in conflict. Where the processor keeps no instant
   * of ours, that of the acceptance stands for it.
   */
  adopt(payment: OpenPayment, found: readonly Found[]): "settled" | "conflict" {
    const { payments } = this.#options;
    const [{ lane, requestedAtMs: foundAtMs }] = found as readonly [Found];
    const requestedAtMs = foundAtMs ?? payment.acceptedAtMs;
    const conflict = conflictOf(found, payment.payment.amountCents);
    const assignment = { processor: lane.number, requestedAtMs };
    payments.commit(payment, { kind: "find", seq: payment.seq, assignment }, () => {
      if (conflict === null) return payments.settle(payment);
      payments.park(payment, "conflict", this.#attemptOf(payment, "conflict", conflict));
    });
    return conflict === null ? "settled" : "conflict";
  }

  #answered(
    payment: OpenPayment,
    lane: Lane,
    outcome: Exclude<ChargeOutcome, { kind: "exists" }>,
  ): Next {
    switch (outcome.kind) {
      case "accepted":
        if (payment.rejectedBy?.has(lane.number)) lane.contradicted(this.#options.clock.steadyMs());
        this.#options.payments.settle(payment);
        return { kind: "settled" };
      case "unknown":
        return this.#unknown(payment, "unknown", outcome.reason);
      case "refused":
      case "rejected":
        return this.#notRecorded(payment, lane, outcome);
    }
  }

  #confirmed(payment: OpenPayment, { kind }: Looked): Next {
    if (kind === "settled") return { kind };
    return kind === "conflict" ? { kind: "parked" } : this.#unknown(payment, "unknown", CLAIMED);
  }

  /** A refusal settles an attempt, not a payment: once one attempt was unclear it changes nothing. */
  #notRecorded(
    payment: OpenPayment,
    lane: Lane,
    outcome: Extract<ChargeOutcome, { kind: "refused" | "rejected" }>,
  ): Next {
    const { clock, payments } = this.#options;
    const { kind, reason } = outcome;
    const isFinal =
      outcome.kind === "rejected" &&
      (outcome.isFinal === true || isRejected(clock.steadyMs(), payment, lane));
    if (payment.state.kind !== "assigned") return this.#unknown(payment, kind, reason);
    const code = outcome.kind === "rejected" ? outcome.code : undefined;
    const attempt = { ...this.#attemptOf(payment, kind, reason), code };
    if (isFinal) {
      payments.park(payment, "reject", attempt);
      return { kind: "parked" };
    }
    payments.commit(payment, { kind: "release", seq: payment.seq, attempt });
    return { kind: "queued", restMs: this.#restMs(payment, kind) };
  }

  /** None after the first refusal: another processor may take it. Then a rest that grows, with jitter. */
  #restMs(payment: OpenPayment, after: "refused" | "rejected"): number {
    if (++payment.refusals === 1 && after === "refused") return 0;
    const { first, max } = after === "refused" ? REFUSED_REST_MS : REJECTED_REST_MS;
    const ceilingMs = Math.min(max, first * 2 ** Math.max(0, payment.refusals - 2));
    return this.#options.random() * ceilingMs;
  }

  /**
   * The last worker ended while it was on its way. Where its processor says nothing of it, and it may not be
   * sent again, nothing else would ever say that it is not on its way any more.
   */
  cutShort(payment: OpenPayment): void {
    this.#unknown(payment, "unknown", "the worker ended before there was an answer");
  }

  #unknown(payment: OpenPayment, outcome: FailedAttempt["outcome"], reason: string): Next {
    const attempt = this.#attemptOf(payment, outcome, reason);
    this.#options.payments.commit(payment, { kind: "unknown", seq: payment.seq, attempt });
    return { kind: payment.state.kind === "held" ? "held" : "unknown" };
  }

  #attemptOf(
    payment: OpenPayment,
    outcome: FailedAttempt["outcome"],
    reason: string,
  ): FailedAttempt {
    const { processor } = assignmentOf(payment);
    return { atMs: this.#options.clock.wallMs(), processor, outcome, reason };
  }

  #record(nowMs: number, lane: Lane, ticket: Ticket, report: LaneReport): void {
    const { log, onMended } = this.#options;
    const isMended = lane.hasRejected && report.signal === "accepted";
    if (report.restMs !== undefined && lane.restMs(nowMs) === 0) {
      log.info({ processor: lane.name, restMs: report.restMs, cause: report.cause }, "rest");
    }
    lane.record(nowMs, ticket, report);
    if (isMended) onMended();
  }

  #begin(payment: OpenPayment): void {
    this.inFlight++;
    payment.calls++;
  }

  #end(payment: OpenPayment): void {
    this.inFlight--;
    payment.calls--;
    if (this.inFlight < 0 || payment.calls < 0) {
      throw new Error(`${nameOf(payment)}, which is ${payment.state.kind}: a call ended twice`);
    }
  }
}

type Said = Pick<Extract<LookOutcome, { kind: "found" }>, "amountCents" | "requestedAtMs">;

/** Why a payment that was found cannot be settled; null when it can. */
function conflictOf(found: readonly Found[], amountCents: number): string | null {
  const [first, ...others] = found as readonly [Found, ...Found[]];
  if (others.length > 0) {
    const all = found.map((one) => `${one.lane.name} has ${wordsOf(one)}`);
    return `more than one processor has charged it: ${all.join(", and ")}`;
  }
  const { requestedAtMs } = first;
  if (first.amountCents === amountCents) return null;
  return differenceOf(first, { amountCents, requestedAtMs });
}

/** Names what differs; an instant that the processor does not keep differs from none. */
function differencesOf(there: Said, here: Said): string[] {
  const isSameInstant = there.requestedAtMs === null || there.requestedAtMs === here.requestedAtMs;
  return [
    ...(there.amountCents === here.amountCents ? [] : ["another amount"]),
    ...(isSameInstant ? [] : ["another time"]),
  ];
}

/** Says what the processor has, what it was sent, and which of the two differs. */
function differenceOf(there: Said, here: Said): string {
  const differ = differencesOf(there, here).join(", ");
  return `the processor has ${wordsOf(there)}, here it is ${wordsOf(here)}: ${differ}`;
}

function wordsOf({ amountCents, requestedAtMs }: Said): string {
  const amount = amountCents === null ? "an amount below a cent" : decimalFromCents(amountCents);
  return requestedAtMs === null ? amount : `${amount} at ${new Date(requestedAtMs).toISOString()}`;
}

/** Whether that is the payment's fault. It remembers who has rejected it. */
function isRejected(nowMs: number, payment: OpenPayment, lane: Lane): boolean {
  const rejectedBy = (payment.rejectedBy ??= new Map());
  const before = rejectedBy.get(lane.number);
  if (before !== undefined) return lane.rejectionIsBelieved(nowMs, before);
  rejectedBy.set(lane.number, lane.acceptances);
  return false;
}

const NO_CALL: LaneReport = { signal: "none", latencyMs: 0, dropped: false, cause: "" };

/** Reduces an answer to what it says about the processor, whatever it says about the payment. */
export function reportOf(outcome: ChargeOutcome, latencyMs: number): LaneReport {
  switch (outcome.kind) {
    case "accepted":
      return { signal: "accepted", latencyMs, dropped: false, cause: "answered accepted" };
    case "exists":
      return { signal: "success", latencyMs, dropped: false, cause: "answered exists" };
    case "rejected": {
      if (outcome.isFinal) {
        return { signal: "success", latencyMs, dropped: false, cause: "answered rejected" };
      }
      const cause = `it rejects one payment after the other (${outcome.reason})`;
      return { signal: "rejected", latencyMs, dropped: false, cause };
    }
    case "refused":
      if (outcome.ownFault) return { ...NO_CALL, cause: outcome.reason };
      return outcome.overloaded
        ? { signal: "none", latencyMs, dropped: true, cause: outcome.reason, ...restOf(outcome) }
        : { signal: "failure", latencyMs, dropped: false, cause: outcome.reason };
    case "unknown":
      return {
        signal: "failure",
        latencyMs,
        // An error is no congestion: fewer calls would fail just as often.
        dropped: outcome.silent === true,
        cause: outcome.reason,
      };
  }
}

function restOf({ retryAfterMs = 0 }: { readonly retryAfterMs?: number }) {
  return retryAfterMs > 0 ? { restMs: retryAfterMs } : {};
}
