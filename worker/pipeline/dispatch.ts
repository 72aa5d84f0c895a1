/** From the queue to a processor, and what its answer means for the payment and for the lane. */
import type { BreakerKind } from "../../shared/http-api/live.ts";
import type { OpenPayment } from "../payment.ts";
import type { PipelineOptions } from "../pipeline.ts";
import type { ChargeOutcome, LookOutcome } from "../processor.ts";
import type { PaymentQueue } from "../queue.ts";
import type { LaneReport, Ticket } from "../router.ts";
import { assignmentOf, type Books } from "./books.ts";
import type { Diary } from "../telemetry/lane-log.ts";
import { Pace } from "./pace.ts";
import { Shortage } from "./shortage.ts";

/** A place in flight at a lane, taken before the assignment is durable. */
export type Reservation = { readonly lane: number; readonly ticket: Ticket };

/** What came of asking a processor; the first two end the payment. */
export type Looked =
  { readonly kind: "settled" | "conflict" } | Extract<LookOutcome, { kind: "no-information" }>;

/** Short enough that a processor that recovers is noticed within a second by a single payment. */
const REFUSED_REST_MS = { first: 50, max: 400 };
/**
 * A 400 is not a matter of load: the next try is for the case that somebody has mended something. An
 * acceptance there ends the rest.
 */
const REJECTED_REST_MS = { first: 1_000, max: 30_000 };

const ONE_WAITING = (deadlineMs: number) => ({ length: 1, deadlineMsAt: () => deadlineMs });

export class Dispatch {
  onUnknown: (payment: OpenPayment) => void = () => {};
  inFlight = 0;
  readonly pace = new Pace();
  readonly #options: PipelineOptions;
  readonly #books: Books;
  readonly #queue: PaymentQueue;
  readonly #diary: Diary;
  readonly #shortage = new Shortage();
  #stopped = false;

  constructor(options: PipelineOptions, books: Books, queue: PaymentQueue, diary: Diary) {
    this.#options = options;
    this.#books = books;
    this.#queue = queue;
    this.#diary = diary;
  }

  /** True while payments wait that belong to no processor. */
  get hasWaiting(): boolean {
    return this.#queue.length > 0;
  }

  /** Starts no further call. What waits stays in the journal for the next start. */
  stop(): void {
    this.#stopped = true;
  }

  /** A place for a payment that has just come in, if nobody waits before it and a lane takes it. */
  reserve(payment: OpenPayment): Reservation | null {
    if (this.#queue.length > 0) return null;
    const { clock, router } = this.#options;
    const nowMs = clock.steadyMs();
    if (!this.#shortage.allows(nowMs)) return null;
    const decision = router.choose(nowMs, ONE_WAITING(payment.deadlineMs));
    return decision.kind === "send" ? this.#assign(nowMs, payment, decision.lane) : null;
  }

  giveBack({ lane, ticket }: Reservation): void {
    this.#record(lane, ticket, NO_CALL);
  }

  /** A payment whose acceptance is durable: it is sent, or it waits. */
  start(payment: OpenPayment, reservation: Reservation | null): void {
    if (reservation !== null) return void this.charge(payment, reservation);
    this.#books.move(payment, { kind: "queued" });
    this.#queue.push(payment);
  }

  /** Sends what waits, as far as lanes take it. */
  pump(): void {
    const { clock, router } = this.#options;
    this.#queue.wake(clock.steadyMs());
    while (this.#queue.length > 0 && !this.#stopped) {
      const nowMs = clock.steadyMs();
      if (!this.#shortage.allows(nowMs) || !this.pace.allows(nowMs)) return;
      const decision = router.choose(nowMs, this.#queue);
      if (decision.kind === "wait") return;
      this.pace.started();
      this.#assignAndSend(nowMs, this.#queue.takeOldest(), decision.lane);
    }
  }

  /** Tries lanes whose breaker is open with a payment that waits. */
  tryOpenLanes(): void {
    const { clock, router } = this.#options;
    if (this.#queue.length === 0 || this.#stopped) return;
    const nowMs = clock.steadyMs();
    if (!this.#shortage.allows(nowMs)) return;
    const trial = router.trialLane(nowMs, this.#queue);
    if (trial === null) return;
    const payment = trial.needed ? this.#queue.takeOldest() : this.#queue.takeNewest();
    this.#assignAndSend(nowMs, payment, trial.lane);
  }

  /**
   * Sends a payment that is durably assigned to the lane's processor. Resolves when its answer, and
   * what that makes necessary, has been dealt with; until then it is in flight.
   */
  async charge(payment: OpenPayment, { lane, ticket }: Reservation): Promise<void> {
    const { clock, processors } = this.#options;
    const { requestedAtMs } = assignmentOf(payment);
    if (this.#stopped) return this.giveBack({ lane, ticket });
    const sentAtMs = clock.steadyMs();
    this.inFlight++;
    payment.calls++;
    const outcome = await processors[lane]!.charge({ ...payment.payment, requestedAtMs });
    payment.attemptedAtMs = clock.steadyMs();
    this.#books.attempts[lane]![outcome.kind]++;
    this.#record(lane, ticket, reportOf(outcome, payment.attemptedAtMs - sentAtMs));
    this.#noteShortage(payment.attemptedAtMs, outcome);
    await this.#answered(payment, outcome);
    payment.calls--;
    this.inFlight--;
    if (this.#queue.length > 0) this.pump();
  }

  /** Asks the processor what it has recorded: settles, parks, or leaves the payment as it is. */
  async look(payment: OpenPayment): Promise<Looked> {
    const { processors } = this.#options;
    const { requestedAtMs } = assignmentOf(payment);
    const { correlationId, amountCents } = payment.payment;
    const lane = this.#books.laneOf(payment);
    payment.calls++;
    const sight = await processors[lane]!.look(correlationId);
    payment.calls--;
    if (sight.kind === "no-information") return sight;
    if (sight.amountCents === amountCents && sight.requestedAtMs === requestedAtMs) {
      this.#books.settle(payment);
      return { kind: "settled" };
    }
    const reason = `the processor has ${sight.amountCents} cents at ${sight.requestedAtMs}`;
    this.#books.park(payment, "conflict", this.#books.attemptOf(payment, "conflict", reason));
    return { kind: "conflict" };
  }

  #assign(nowMs: number, payment: OpenPayment, lane: number): Reservation {
    const { clock, numbers, router } = this.#options;
    const processor = numbers[lane] as number;
    const assignment = { processor, requestedAtMs: clock.wallMs() };
    this.#books.move(payment, { kind: "assigned", assignment });
    this.#shortage.tried(nowMs);
    return { lane, ticket: router.admit(nowMs, lane) };
  }

  #assignAndSend(nowMs: number, payment: OpenPayment | undefined, lane: number): void {
    if (payment === undefined) return;
    const reservation = this.#assign(nowMs, payment, lane);
    const assignment = assignmentOf(payment);
    this.#books.append({ kind: "assign", seq: payment.seq, assignment }, (result) => {
      if (result?.kind !== "done") throw new Error("a queued payment could not be assigned");
      void this.charge(payment, reservation);
    });
  }

  async #answered(payment: OpenPayment, outcome: ChargeOutcome): Promise<void> {
    switch (outcome.kind) {
      case "accepted":
        return this.#books.settle(payment);
      case "exists":
        if ((await this.look(payment)).kind !== "no-information") return;
        return this.#unknown(payment, "unknown", "422, not confirmed");
      case "unknown":
        return this.#unknown(payment, "unknown", outcome.reason);
      case "refused":
      case "rejected":
        return this.#notRecorded(payment, outcome);
    }
  }

  /** A refusal settles an attempt, not a payment: once one attempt was unclear it changes nothing. */
  #notRecorded(
    payment: OpenPayment,
    { kind, reason }: Extract<ChargeOutcome, { kind: "refused" | "rejected" }>,
  ): void {
    if (payment.state.kind !== "assigned") return this.#unknown(payment, kind, reason);
    const attempt = this.#books.attemptOf(payment, kind, reason);
    if (kind === "rejected" && this.#isBelieved(payment)) {
      return this.#books.park(payment, "reject", attempt);
    }
    this.#books.note({ kind: "release", seq: payment.seq, attempt });
    this.#books.move(payment, { kind: "queued" });
    this.#comeBack(payment, kind);
  }

  #isBelieved(payment: OpenPayment): boolean {
    const { clock, router } = this.#options;
    return router.lane(this.#books.laneOf(payment)).rejectionIsBelieved(clock.steadyMs());
  }

  /** At once after the first refusal: another processor may take it. Then after a rest, with jitter. */
  #comeBack(payment: OpenPayment, after: "refused" | "rejected"): void {
    const { clock, random } = this.#options;
    if (++payment.refusals === 1 && after === "refused") return this.#queue.putBack(payment);
    const { first, max } = after === "refused" ? REFUSED_REST_MS : REJECTED_REST_MS;
    const ceilingMs = Math.min(max, first * 2 ** Math.max(0, payment.refusals - 2));
    this.#queue.rest(payment, clock.steadyMs() + random() * ceilingMs);
  }

  #unknown(
    payment: OpenPayment,
    outcome: "unknown" | "refused" | "rejected",
    reason: string,
  ): void {
    const attempt = this.#books.attemptOf(payment, outcome, reason);
    this.#books.note({ kind: "unknown", seq: payment.seq, attempt });
    if (payment.state.kind === "held") return; // Since the call left: it is an operator's now.
    this.#books.move(payment, { kind: "unknown", assignment: assignmentOf(payment) });
    this.onUnknown(payment);
  }

  #noteShortage(nowMs: number, outcome: ChargeOutcome): void {
    if (outcome.kind !== "refused" || outcome.ownFault !== true) return this.#shortage.over();
    const { reason } = outcome;
    if (this.#shortage.noticed(nowMs)) this.#options.log.error({ reason }, "calls cannot be made");
  }

  #record(number: number, ticket: Ticket, report: LaneReport): void {
    const { clock, router } = this.#options;
    const nowMs = clock.steadyMs();
    const lane = router.lane(number);
    const awaited = lane.hasRejected && report.signal === "accepted";
    if (report.restMs !== undefined && lane.restMs(nowMs) === 0) this.#rests(lane.name, report);
    const changed = router.record(nowMs, number, ticket, report);
    // Another lane may be the right one now, or this one has shown whose fault a rejection was.
    if (changed || awaited) this.#queue.wake(Number.POSITIVE_INFINITY);
    if (changed) this.#diary.breakerChanged(number, causeOf(lane.breaker.kind, report));
  }

  #rests(processor: string, { restMs, cause }: LaneReport): void {
    this.#options.log.info({ processor, restMs, cause }, "rest");
  }
}

/** Of a breaker's change, in the words of the answer that brought it about. */
function causeOf(to: BreakerKind, { cause, latencyMs }: LaneReport): string {
  const after = `after ${Math.round(latencyMs)} ms`;
  if (to === "half-open") return `a trial succeeded ${after}`;
  if (to === "closed") return `calls succeed again, the last ${after}`;
  return `${cause}, ${after}`;
}

const NO_CALL: LaneReport = { signal: "none", latencyMs: 0, dropped: false, cause: "" };

/** What an answer says about the processor, whatever it says about the payment. */
export function reportOf(outcome: ChargeOutcome, latencyMs: number): LaneReport {
  switch (outcome.kind) {
    case "accepted":
      return { signal: "accepted", latencyMs, dropped: false, cause: "answered accepted" };
    case "exists":
      return { signal: "success", latencyMs, dropped: false, cause: "answered exists" };
    case "rejected": {
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
