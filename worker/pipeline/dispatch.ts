/** From the queue to a processor: which payment is assigned where, and when. */
import type { Clock } from "../../shared/clock.ts";
import type { Incidents } from "../../shared/incidents.ts";
import type { Lane } from "../lane.ts";
import type { OpenPayment } from "../payment.ts";
import type { ChargeOutcome } from "../processor.ts";
import type { Router } from "../router.ts";
import type { Assignment } from "../transitions.ts";
import type { Line, WaitingLines } from "./waiting-lines.ts";
import type { Reservation } from "./charge.ts";
import type { OpenPayments } from "./open-payments.ts";
import type { Pace } from "./pace.ts";
import { Shortage } from "./shortage.ts";

export type DispatchOptions = {
  readonly clock: Clock;
  readonly incidents: Incidents;
  readonly router: Router<Lane>;
  readonly payments: OpenPayments;
  readonly queue: WaitingLines<Lane>;
  readonly pace: Pace;
  readonly tariffsFromMs: number;
  /** Called when a payment is sent to a lane that is open. */
  readonly risked: (lane: Lane) => void;
  /** Called with each payment whose assignment is durable. */
  readonly send: (payment: OpenPayment, reservation: Reservation) => void;
};

const ONE_WAITING = (deadlineMs: number) => ({ length: 1, deadlineMsAt: () => deadlineMs });

export class Dispatch {
  /** True while no payment is sent as soon as it comes. */
  asksFirst = false;
  readonly #options: DispatchOptions;
  readonly #shortage = new Shortage();

  constructor(options: DispatchOptions) {
    this.#options = options;
  }

  /** A place for a payment that has just come in, if nobody waits before it and a lane takes it. */
  reserve(payment: OpenPayment): Reservation | null {
    const { clock, queue, router } = this.#options;
    const line = queue.of(payment);
    if (this.asksFirst || line.queue.length > 0) return null;
    const nowMs = clock.steadyMs();
    if (!this.#shortage.allows(nowMs)) return null;
    const lane = router.choose(nowMs, ONE_WAITING(payment.deadlineMs), line.order);
    return lane === null ? null : this.#reserve(nowMs, lane);
  }

  /** The body that a payment is sent with is made once, now. */
  assignmentFor({ lane }: Reservation): Assignment {
    const { clock, tariffsFromMs } = this.#options;
    // The instant says which tariff a payment belongs to, also after the clock was set back.
    return { processor: lane.number, requestedAtMs: Math.max(clock.wallMs(), tariffsFromMs) };
  }

  /** Sends what waits, as far as lanes take it. */
  pump(): void {
    const { clock, pace, queue } = this.#options;
    queue.wake(clock.steadyMs());
    while (queue.length > 0) {
      const nowMs = clock.steadyMs();
      if (!this.#shortage.allows(nowMs) || !pace.allows(nowMs)) return;
      const next = this.#next(nowMs);
      if (next === null) return;
      pace.started();
      this.#assignAndSend(nowMs, next.line.queue.takeOldest(), next.lane);
    }
  }

  /** Tries lanes whose breaker is open with a payment that waits. */
  tryOpenLanes(): void {
    const { clock, queue, router } = this.#options;
    const nowMs = clock.steadyMs();
    if (queue.length === 0 || !this.#shortage.allows(nowMs)) return;
    for (const line of queue.byDeadline()) {
      const trial = router.trialLane(nowMs, line.queue, line.order);
      if (trial === null) continue;
      const payment = trial.needed ? line.queue.takeOldest() : line.queue.takeNewest();
      return this.#assignAndSend(nowMs, payment, trial.lane);
    }
  }

  /** Whether calls can be made at all. */
  noteShortage(nowMs: number, outcome: ChargeOutcome): void {
    const { incidents } = this.#options;
    if (outcome.kind !== "refused" || outcome.ownFault !== true) {
      const isOver = this.#shortage.ended(nowMs, outcome.connected === true);
      if (isOver) incidents.end("no-calls", null);
      return;
    }
    const { reason } = outcome;
    const counts = () => ({ calls: this.#shortage.failed });
    incidents.begin("no-calls", null, { details: { reason }, counts });
    this.#shortage.noticed(nowMs);
  }

  /** The first line whose oldest payment has a lane now. */
  #next(nowMs: number): { readonly line: Line<Lane>; readonly lane: Lane } | null {
    const { queue, router } = this.#options;
    for (const line of queue.byDeadline()) {
      const lane = router.choose(nowMs, line.queue, line.order);
      if (lane !== null) return { line, lane };
    }
    return null;
  }

  #reserve(nowMs: number, lane: Lane): Reservation {
    this.#shortage.tried(nowMs);
    if (!lane.working) this.#options.risked(lane);
    return { lane, ticket: lane.admit(nowMs) };
  }

  #assignAndSend(nowMs: number, payment: OpenPayment | undefined, lane: Lane): void {
    if (payment === undefined) return;
    const { payments, send } = this.#options;
    const reservation = this.#reserve(nowMs, lane);
    const assignment = this.assignmentFor(reservation);
    payments.commit(payment, { kind: "assign", seq: payment.seq, assignment }, () =>
      send(payment, reservation),
    );
  }
}
