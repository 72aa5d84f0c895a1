/** The door: a payment is turned away at once or becomes durable, and only then is it answered. */
import type { Clock } from "../../shared/clock.ts";
import type { Payment } from "../../shared/payment.ts";
import type { Verdict } from "../../shared/verdict.ts";
import type { Admission, Holding } from "../cluster/holding.ts";
import type { Journal, TransitionResult } from "../journal.ts";
import type { OpenPayment, OpenState } from "../payment.ts";
import type { Meter } from "../telemetry/meter.ts";
import type { Reservation } from "./charge.ts";
import type { Dispatch } from "./dispatch.ts";
import type { OpenPayments } from "./open-payments.ts";
import type { Answer } from "./options.ts";
import type { Pace } from "./pace.ts";

/** Beyond this the journal is too far behind to promise anything; about half a second of its work. */
const JOURNAL_QUEUE_MAX = 20_000;
const ACCEPTING: OpenState = { kind: "accepting" };
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

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  take(asked: Payment, answer: Answer): void {
    const { holding } = this.#options;
    if (holding !== undefined) {
      // Another worker may have room when this one is full.
      const admission = holding.admission(asked.correlationId);
      if (admission !== "take") return this.#answer(answer, verdictAt(admission, holding));
    }
    if (this.#isFull(asked)) return this.#answer(answer, BUSY);
    const { clock, payments, places, patienceMs } = this.#options;
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
    const { journal, payments, backlogMax } = this.#options;
    const isBehind = journal.queued >= JOURNAL_QUEUE_MAX || journal.trouble !== null;
    return isBehind || payments.count >= backlogMax || !payments.hasRoomFor(amountCents);
  }

  #answer(answer: Answer, verdict: Verdict): void {
    this.verdicts[verdict.kind]++;
    answer(verdict);
  }
}

function verdictAt(admission: Exclude<Admission, "take">, { version }: Holding): Verdict {
  return admission === "elsewhere" ? { kind: "elsewhere", mapVersion: version } : BUSY;
}

function verdictOf(result: TransitionResult | null): Verdict {
  if (result?.kind === "duplicate" || result?.kind === "conflict") return { kind: result.kind };
  return BUSY;
}
