/** The door: a payment is turned away at once or becomes durable, and only then is it answered. */
import type { TransitionResult } from "../journal.ts";
import type { OpenPayment } from "../payment.ts";
import type { Answer, PipelineOptions } from "../pipeline.ts";
import type { Payment } from "../../shared/payment.ts";
import type { Verdict } from "../../shared/verdict.ts";
import type { Books } from "./books.ts";
import { assignmentOf } from "./books.ts";
import type { Dispatch, Reservation } from "./dispatch.ts";
import type { Meter } from "../telemetry/meter.ts";

/** Beyond this the journal is too far behind to promise anything; about half a second of its work. */
const JOURNAL_QUEUE_MAX = 20_000;
const BUSY_RETRY_MS = 1_000;

export class Intake {
  readonly #options: PipelineOptions;
  readonly #books: Books;
  readonly #dispatch: Dispatch;
  readonly #meter: Meter;

  constructor(options: PipelineOptions, books: Books, dispatch: Dispatch, meter: Meter) {
    this.#options = options;
    this.#books = books;
    this.#dispatch = dispatch;
    this.#meter = meter;
  }

  take(asked: Payment, answer: Answer): void {
    const { clock, journal, backlogMax, patienceMs } = this.#options;
    const isFull =
      this.#books.openCount >= backlogMax || !this.#books.hasRoomFor(asked.amountCents);
    if (isFull || this.#isJournalBehind(journal.queued)) {
      return this.#answer(answer, { kind: "busy", retryAfterMs: BUSY_RETRY_MS });
    }
    const acceptedAtMs = clock.wallMs();
    const nowMs = clock.steadyMs();
    const payment: OpenPayment = {
      seq: this.#books.nextSeq(),
      payment: asked,
      acceptedAtMs,
      deadlineMs: nowMs + patienceMs,
      state: { kind: "accepting" },
      refusals: 0,
      calls: 0,
      attemptedAtMs: nowMs,
    };
    this.#books.open(payment);
    // Acceptance and first assignment share a commit when a processor can take it right now.
    const reservation = this.#dispatch.reserve(payment);
    const assignment = reservation === null ? null : assignmentOf(payment);
    const { correlationId, amountCents } = asked;
    this.#books.append(
      { kind: "accept", seq: payment.seq, correlationId, amountCents, acceptedAtMs, assignment },
      (result) => {
        const durableAtMs = clock.steadyMs();
        if (result !== null) this.#meter.durable(durableAtMs - nowMs);
        this.#durable(answer, payment, reservation, result, durableAtMs);
      },
    );
  }

  #durable(
    answer: Answer,
    payment: OpenPayment,
    reservation: Reservation | null,
    result: TransitionResult | null,
    nowMs: number,
  ): void {
    if (result?.kind === "done") {
      this.#dispatch.pace.accepted(nowMs, nowMs - payment.attemptedAtMs);
      this.#answer(answer, { kind: "stored" });
      // The verdict leaves first: a shop waits for it, and nobody for the call.
      queueMicrotask(() => this.#dispatch.start(payment, reservation));
      return;
    }
    this.#books.close(payment);
    if (reservation !== null) this.#dispatch.giveBack(reservation);
    this.#answer(answer, verdictOf(result));
  }

  #isJournalBehind(queued: number): boolean {
    return queued >= JOURNAL_QUEUE_MAX || this.#options.journal.trouble !== null;
  }

  #answer(answer: Answer, verdict: Verdict): void {
    this.#books.verdicts[verdict.kind]++;
    answer(verdict);
  }
}

function verdictOf(result: TransitionResult | null): Verdict {
  if (result?.kind === "duplicate" || result?.kind === "conflict") return { kind: result.kind };
  return { kind: "busy", retryAfterMs: BUSY_RETRY_MS };
}
