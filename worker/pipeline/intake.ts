/** The door: a payment is turned away at once or becomes durable, and only then is it answered. */
import type { Clock } from "../../shared/clock.ts";
import type { Payment } from "../../shared/payment.ts";
import type { Verdict } from "../../shared/verdict.ts";
import type { Holding } from "../cluster/holding.ts";
import type { Journal, TransitionResult } from "../journal.ts";
import type { OpenPayment, OpenState } from "../payment.ts";
import type { Meter } from "../telemetry/meter.ts";
import type { Reservation } from "./charge.ts";
import type { Dispatch } from "./dispatch.ts";
import type { OpenPayments } from "./open-payments.ts";
import type { Answer } from "./options.ts";
import type { Pace } from "./pace.ts";

/** Beyond this the journal is too far behind to promise anything; about half a second of its work. */
export const JOURNAL_QUEUE_MAX = 20_000;
const ACCEPTING: OpenState = { kind: "accepting" };
/** While a shard moves, its payments wait so long; an API waits for a second. */
const MOVING_MS_MAX = 700;
/** More than so many do not wait: they are turned away. */
const MOVING_MAX = 10_000;
const BUSY: Verdict = { kind: "busy", retryAfterMs: 1_000 };

export type IntakeOptions = {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly payments: OpenPayments;
  /** Absent where all payments are this worker's. */
  readonly holding: Holding | undefined;
  readonly meter: Meter;
  readonly pace: Pace;
  readonly backlogMax: number;
  readonly journalQueueMax: number | undefined;
  readonly patienceMs: number;
  /** Takes a place in flight, if there is one. */
  readonly places: Pick<Dispatch, "reserve" | "assignmentFor">;
  readonly giveBack: (reservation: Reservation) => void;
  /** Called with each payment that is durable, after it was answered. */
  readonly start: (payment: OpenPayment, reservation: Reservation | null) => void;
};

export class Intake {
  /** Verdicts given since the start, by kind. */
  readonly verdicts = { stored: 0, duplicate: 0, conflict: 0, busy: 0, elsewhere: 0, invalid: 0 };
  readonly #options: IntakeOptions;
  /** Payments of shards that move, until when each waits. */
  #moving: { readonly asked: Payment; readonly answer: Answer; readonly untilMs: number }[] = [];

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  take(asked: Payment, answer: Answer): void {
    const { holding, clock, payments, places, patienceMs } = this.#options;
    // Another worker may have room when this one is full.
    const admission = holding?.admission(asked.correlationId);
    if (admission === "elsewhere") {
      return this.#answer(answer, { kind: "elsewhere", mapVersion: holding!.version });
    }
    if (admission === "busy") return this.#wait(asked, answer, clock.steadyMs() + MOVING_MS_MAX);
    if (this.#isFull(asked)) return this.#answer(answer, BUSY);
    const acceptedAtMs = clock.wallMs();
    const nowMs = clock.steadyMs();
    const payment: OpenPayment = {
      seq: payments.nextSeq(acceptedAtMs),
      payment: asked,
      acceptedAtMs,
      deadlineMs: nowMs + patienceMs,
      state: ACCEPTING,
      isOpen: false,
      refusals: 0,
      rejectedBy: null,
      isClaimed: false,
      calls: 0,
      quietSinceMs: nowMs,
    };
    payments.open(payment);
    // Acceptance and first assignment share a commit when a processor can take it right now.
    const reservation = places.reserve(payment);
    const assignment = reservation === null ? null : places.assignmentFor(reservation);
    const { correlationId, amountCents, source, reference } = asked;
    payments.commit(
      payment,
      {
        kind: "accept",
        seq: payment.seq,
        correlationId,
        amountCents,
        source,
        reference,
        acceptedAtMs,
        assignment,
      },
      (result) => this.#durable(answer, payment, reservation, result, nowMs),
    );
  }

  /** True while payments wait for their shards. */
  get isWaiting(): boolean {
    return this.#moving.length > 0;
  }

  /** Takes those whose shards have come, or are another worker's now, and turns away those that waited too long. */
  tick(nowMs: number): void {
    if (!this.isWaiting) return;
    const { holding } = this.#options;
    const waiting = this.#moving;
    this.#moving = [];
    for (const { asked, answer, untilMs } of waiting) {
      if (holding!.admission(asked.correlationId) !== "busy") this.take(asked, answer);
      else if (nowMs < untilMs) this.#wait(asked, answer, untilMs);
      else this.#answer(answer, BUSY);
    }
  }

  /** Its shard is on its way to this worker, or to another: that takes a moment, of which no shop need hear. */
  #wait(asked: Payment, answer: Answer, untilMs: number): void {
    if (this.#moving.length >= MOVING_MAX) return this.#answer(answer, BUSY);
    this.#moving.push({ asked, answer, untilMs });
  }

  #durable(
    answer: Answer,
    payment: OpenPayment,
    reservation: Reservation | null,
    result: TransitionResult | null,
    cameAtMs: number,
  ): void {
    const { clock, meter, pace, giveBack, start } = this.#options;
    const nowMs = clock.steadyMs();
    if (result !== null) meter.durable(nowMs - cameAtMs);
    if (result?.kind === "done") {
      pace.accepted(nowMs, nowMs - cameAtMs);
      this.#answer(answer, { kind: "stored" });
      // The verdict leaves first: a shop waits for it, and nobody for the call.
      return queueMicrotask(() => start(payment, reservation));
    }
    if (reservation !== null) giveBack(reservation);
    this.#answer(answer, verdictOf(result));
  }

  #isFull({ amountCents }: Payment): boolean {
    const { journal, payments, backlogMax, journalQueueMax = JOURNAL_QUEUE_MAX } = this.#options;
    const isBehind = journal.queued >= journalQueueMax || journal.trouble !== null;
    return isBehind || payments.count >= backlogMax || !payments.hasRoomFor(amountCents);
  }

  #answer(answer: Answer, verdict: Verdict): void {
    this.verdicts[verdict.kind]++;
    answer(verdict);
  }
}

function verdictOf(result: TransitionResult | null): Verdict {
  if (result?.kind === "duplicate" || result?.kind === "conflict") return { kind: result.kind };
  return BUSY;
}
