/**
 * The books of the pipeline: which payments are open, and the one place from which a payment's
 * transitions go into the journal and its settlement into the ledger.
 */
import type { Assignment, FailedAttempt, Intervention, PaymentState } from "../journal.ts";
import type { Transition } from "../journal.ts";
import type { OnDurable } from "../journal.ts";
import type { OpenPayment, OpenState } from "../payment.ts";
import type { PipelineOptions } from "../pipeline.ts";

export type AttemptOutcome = "accepted" | "exists" | "refused" | "rejected" | "unknown";

export class Books {
  /** Payments that wait for an operator, by state. */
  readonly parked = new Map<PaymentState, number>();
  /** Verdicts given, by kind. */
  readonly verdicts = { stored: 0, duplicate: 0, conflict: 0, busy: 0, invalid: 0 };
  /** Settled since start, by lane. */
  readonly settled: number[];
  /** Answers of processors since start, by lane. */
  readonly attempts: Record<AttemptOutcome, number>[];
  readonly #options: PipelineOptions;
  readonly #open = new Map<number, OpenPayment>();
  readonly #countByState = { accepting: 0, queued: 0, assigned: 0, unknown: 0, held: 0 };
  #openCents = 0;
  #nextSeq: number;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#nextSeq = options.journal.head.nextSeq;
    this.settled = options.processors.map(() => 0);
    this.attempts = options.processors.map(() => ({
      accepted: 0,
      exists: 0,
      refused: 0,
      rejected: 0,
      unknown: 0,
    }));
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** False when the ledger would be past its end with it, once everything that is open is settled. */
  hasRoomFor(amountCents: number): boolean {
    const { rowsLeft, centsLeft } = this.#options.ledger;
    return rowsLeft > this.#open.size && centsLeft >= this.#openCents + amountCents;
  }

  /** Of the open payments that nobody holds back, the one accepted first. */
  oldest(): OpenPayment | undefined {
    return this.#open.values().find(({ state }) => state.kind !== "held");
  }

  /** Since that one was accepted, whatever the wall clock says since; 0 when there is none. */
  oldestAgeMs(): number {
    const { clock, patienceMs } = this.#options;
    const oldest = this.oldest();
    return oldest === undefined ? 0 : clock.steadyMs() - (oldest.deadlineMs - patienceMs);
  }

  find(seq: number): OpenPayment | undefined {
    return this.#open.get(seq);
  }

  /** How many open payments are in each state. */
  get countByState(): Readonly<Record<OpenState["kind"], number>> {
    return this.#countByState;
  }

  nextSeq(): number {
    return this.#nextSeq++;
  }

  /** A payment is open from the moment that it is on its way into the journal. */
  open(payment: OpenPayment): void {
    this.#open.set(payment.seq, payment);
    this.#openCents += payment.payment.amountCents;
    this.#countByState[payment.state.kind]++;
  }

  move(payment: OpenPayment, state: OpenState): void {
    this.#countByState[payment.state.kind]--;
    this.#countByState[state.kind]++;
    payment.state = state;
  }

  /** It is not open any more: settled, parked, or never stored. */
  close(payment: OpenPayment): void {
    this.#open.delete(payment.seq);
    this.#openCents -= payment.payment.amountCents;
    this.#countByState[payment.state.kind]--;
  }

  append(transition: Transition, done: OnDurable): void {
    this.#options.journal.append(transition, done);
  }

  /** Writes what has happened; no payment waits for it, and it must be possible. */
  note(transition: Transition, durable: () => void = () => {}): void {
    this.append(transition, (result) => {
      if (result?.kind === "done") return durable();
      const state = result?.kind === "moved" ? result.state : null;
      throw new Error(`${transition.kind} of a payment that the journal has as ${state}`);
    });
  }

  /** Because its processor has it; or, with an intervention, because an operator says so. */
  settle(payment: OpenPayment, intervention?: Intervention, durable?: () => void): void {
    const { ledger, clock } = this.#options;
    const { processor, requestedAtMs } = assignmentOf(payment);
    const { amountCents } = payment.payment;
    const row = ledger.append(requestedAtMs, amountCents, processor);
    const settledAtMs = clock.wallMs();
    const { seq } = payment;
    const settled = { seq, row, processor, requestedAtMs, amountCents, settledAtMs };
    const said = intervention === undefined ? {} : { intervention };
    this.note({ kind: "settle", ...settled, ...said }, durable);
    this.close(payment);
    const lane = this.laneOf(payment);
    if (lane !== -1) this.settled[lane]!++;
  }

  /** Ends a payment that cannot be settled by itself: an operator sees it with its reason. */
  park(payment: OpenPayment, kind: "reject" | "conflict", attempt: FailedAttempt): void {
    this.note({ kind, seq: payment.seq, attempt });
    this.close(payment);
    const state = kind === "reject" ? "rejected" : "conflict";
    this.parked.set(state, (this.parked.get(state) ?? 0) + 1);
    this.#options.log.warn({ correlationId: payment.payment.correlationId, ...attempt }, state);
  }

  /** The lane of the processor that a payment belongs to; -1 when it is not configured any more. */
  laneOf(payment: OpenPayment): number {
    return this.#options.numbers.indexOf(assignmentOf(payment).processor);
  }

  attemptOf(
    payment: OpenPayment,
    outcome: FailedAttempt["outcome"],
    reason: string,
  ): FailedAttempt {
    const { processor } = assignmentOf(payment);
    return { atMs: this.#options.clock.wallMs(), processor, outcome, reason };
  }
}

export function assignmentOf(payment: OpenPayment): Assignment {
  const assignment = ownerOf(payment);
  if (assignment !== null) return assignment;
  throw new Error(`a payment that is ${payment.state.kind} belongs to no processor`);
}

/** Null for a payment that belongs to no processor. */
export function ownerOf({ state }: OpenPayment): Assignment | null {
  return "assignment" in state ? state.assignment : null;
}
