/**
 * The payments that are open, and the only place that moves one: `commit` moves it in memory and in the
 * journal, in the order that the move asks for (payment.ts, TRANSITIONS). A move that is not in that
 * table, or that the journal does not know, is a broken invariant and ends the process.
 */
import type { Clock } from "../../shared/clock.ts";
import type { Log } from "../../shared/log.ts";
import { numberAfter } from "../cluster/numbers.ts";
import type { Journal, OnDurable, TransitionResult } from "../journal.ts";
import type { Lanes } from "../lane.ts";
import type { LedgerWriter } from "../ledger.ts";
import {
  assignmentOf,
  nameOf,
  ownerOf,
  targetOf,
  TRANSITIONS,
  type Move,
  type OpenKind,
  type OpenPayment,
  type OpenState,
  type Target,
} from "../payment.ts";
import type { Assignment, FailedAttempt, Intervention, PaymentState } from "../transitions.ts";

export type OpenPaymentsOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Journal;
  readonly ledger: LedgerWriter;
  readonly lanes: Lanes;
  readonly patienceMs: number;
};

export class OpenPayments {
  /** Payments that wait for an operator, by state. */
  readonly parked = new Map<PaymentState, number>();
  readonly #options: OpenPaymentsOptions;
  readonly #open = new Map<number, OpenPayment>();
  readonly #countByState = { accepting: 0, queued: 0, assigned: 0, unknown: 0, held: 0 };
  #cents = 0;
  /** Cents accepted since the start. */
  #acceptedCents = 0;
  #lastSeq: number;

  constructor(options: OpenPaymentsOptions) {
    this.#options = options;
    this.#lastSeq = options.journal.head.nextSeq - 1;
  }

  get count(): number {
    return this.#open.size;
  }
  /** How many there are in each state. */
  get countByState(): Readonly<Record<OpenKind, number>> {
    return this.#countByState;
  }

  /** False when the ledger would be past its end with it, once everything that is open is settled. */
  hasRoomFor(amountCents: number): boolean {
    return this.rowsLeft > this.#open.size && this.centsLeft >= amountCents;
  }

  /** Rows that may still be settled: here, and where several workers share a ledger, by all of them. */
  get rowsLeft(): number {
    const { journal, ledger } = this.#options;
    return Math.min(ledger.rowsLeft, journal.shared?.rowsLeft ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Cents that may still be accepted. In a database payments are settled by other workers than those that have
   * accepted them, and none knows what all have: each accepts no more than its part of what a sum holds.
   */
  get centsLeft(): number {
    const { journal, ledger } = this.#options;
    const { centsLeft } = journal.head;
    if (centsLeft !== undefined) return centsLeft - this.#acceptedCents;
    return ledger.centsLeft - this.#cents;
  }

  /** The one accepted first, of those that nobody holds back. */
  oldest(): OpenPayment | undefined {
    return this.#open.values().find(({ state }) => state.kind !== "held");
  }

  /** Since that one was accepted, whatever the wall clock says since; 0 when there is none. */
  oldestAgeMs(): number {
    const { clock, patienceMs } = this.#options;
    const oldest = this.oldest();
    return oldest === undefined ? 0 : clock.steadyMs() - (oldest.deadlineMs - patienceMs);
  }

  /** All that are open, those accepted first before others. */
  all(): Iterable<OpenPayment> {
    return this.#open.values();
  }

  find(seq: number): OpenPayment | undefined {
    return this.#open.get(seq);
  }

  nextSeq(acceptedAtMs: number): number {
    const { stream } = this.#options.journal.head;
    if (stream === undefined) return ++this.#lastSeq;
    return (this.#lastSeq = numberAfter(this.#lastSeq, stream, acceptedAtMs));
  }

  /** Takes up one that the journal has, or is about to have. */
  open(payment: OpenPayment): void {
    const { size } = this.#open;
    this.#open.set(payment.seq, payment);
    // Nothing is looked up on the way of a payment: among many the place in the map is in no cache.
    if (this.#open.size === size) throw new Error(`${nameOf(payment)}: it is open already`);
    payment.isOpen = true;
    this.#cents += payment.payment.amountCents;
    this.#countByState[payment.state.kind]++;
  }

  /**
   * Moves a payment, and calls back when that is durable. Only an acceptance may come to nothing: then
   * the payment is closed, and `durable` is told the result; null when it was not stored.
   */
  commit(payment: OpenPayment, move: Move, durable: OnDurable = nothing): void {
    const { first } = TRANSITIONS[move.kind];
    if (move.kind === "accept") this.#acceptedCents += move.amountCents;
    if (first === "memory") this.#move(payment, move);
    this.#options.journal.append(move, (result) => {
      if (result?.kind !== "done") this.#refused(payment, move, result);
      // A call that was under way may have ended it meanwhile.
      else if (first === "disk" && payment.isOpen) this.#move(payment, move);
      durable(result);
    });
  }

  /** Because its processor has it; or, with an intervention, because an operator says so. */
  settle(payment: OpenPayment, intervention?: Intervention, durable?: OnDurable): void {
    const { ledger, clock, lanes } = this.#options;
    const { processor, requestedAtMs } = assignmentOf(payment);
    const lane = lanes.of(payment);
    const { seq } = payment;
    const { amountCents, source } = payment.payment;
    const row = ledger.append(requestedAtMs, amountCents, processor);
    const settledAtMs = clock.wallMs();
    this.commit(
      payment,
      {
        kind: "settle",
        seq,
        row,
        processor,
        requestedAtMs,
        amountCents,
        settledAtMs,
        intervention,
        hasSource: source !== undefined,
      },
      durable,
    );
    if (lane !== null) lane.settled++;
  }

  /** Ends a payment that cannot be settled by itself: an operator sees it with its reason. */
  park(payment: OpenPayment, kind: "reject" | "conflict", attempt: FailedAttempt): void {
    const { correlationId, source } = payment.payment;
    this.commit(payment, { kind, seq: payment.seq, attempt, hasSource: source !== undefined });
    const state = kind === "reject" ? "rejected" : "conflict";
    this.countParked(state, 1);
    this.#options.log.warn({ correlationId, ...attempt }, state);
  }

  /** Some more wait for an operator in this state, or fewer. */
  countParked(state: PaymentState, by: number): void {
    this.parked.set(state, (this.parked.get(state) ?? 0) + by);
  }

  /** It is another worker's from now on; nothing of it is under way. */
  forget(payment: OpenPayment): void {
    this.#close(payment);
  }

  #move(payment: OpenPayment, move: Move): void {
    const from = payment.state.kind;
    const owner = "assignment" in move ? move.assignment : ownerOf(payment);
    const to = payment.isOpen ? targetOf(move.kind, from, owner) : null;
    if (to === null) throw new Error(`${nameOf(payment)}: ${move.kind} may not start from ${from}`);
    const state = stateAs(to, owner);
    if (state === null) return this.#close(payment);
    this.#countByState[from]--;
    this.#countByState[state.kind]++;
    payment.state = state;
  }

  #close(payment: OpenPayment): void {
    const { state, seq } = payment;
    this.#open.delete(seq);
    payment.isOpen = false;
    this.#cents -= payment.payment.amountCents;
    const left = --this.#countByState[state.kind];
    if (left < 0 || this.#cents < 0) throw new Error(`${nameOf(payment)}: closed twice`);
  }

  #refused(payment: OpenPayment, { kind }: Move, result: TransitionResult | null): void {
    if (kind === "accept") this.#acceptedCents -= payment.payment.amountCents;
    if (kind === "accept") return this.#close(payment);
    const there = result?.kind === "moved" ? result.state : null;
    const here = payment.state.kind;
    throw new Error(`${nameOf(payment)}: ${kind}; it is ${here} here, and ${there} in the journal`);
  }
}

/** Null: it is not open any more. */
function stateAs(to: Target, owner: Assignment | null): OpenState | null {
  switch (to) {
    case "queued":
      return QUEUED;
    case "held":
      return { kind: "held", assignment: owner };
    case "assigned":
    case "unknown":
      return { kind: to, assignment: owner as Assignment };
    case "settled":
    case "rejected":
    case "conflict":
      return null;
  }
}

const QUEUED: OpenState = { kind: "queued" };

function nothing(): void {}
