/**
 * Circuit breaker of one processor, as a core: no clock, no timer.
 *
 *           too many failures, or its health probe says so
 *   closed ─────────────────────────────────────────────► open ◄──────────┐
 *      ▲                                                   │ a trial       │ a failure
 *      │ enough successes                                  ▼ succeeds      │
 *      └─────────────────────────────────────────────── half-open ────────┘
 *
 * While open, a trial (a real payment) goes out now and then without waiting for the answer of the
 * one before: a failing processor may take seconds to say no. The spacing doubles up to 750 ms,
 * and at most four trials are unanswered. Good news from the health probe allows one more at once, up
 * to as many again.
 *
 * Every admission gives a ticket with the generation of the state it was admitted in; an answer that
 * comes after the state changed still counts for its payment, but cannot move the breaker.
 */
export const BREAKER_DEFAULTS = {
  consecutiveFailuresMax: 5,
  /** A busy processor that fails one call in five has five failures in a row now and then; it is not down. */
  successFreshMs: 100,
  rateWindowMs: 5_000,
  rateSamplesMin: 20,
  failureRateMax: 0.5,
  trialSpacingMsFirst: 50,
  /** A recovery is noticed within a second, the answer's own time included. */
  trialSpacingMsMax: 750,
  trialsUnansweredMax: 4,
  /** Time without a trial after which one is made with a payment that another processor would take. */
  probeSpacingMs: 5_000,
  halfOpenInFlightMax: 8,
  halfOpenSuccesses: 3,
};
export type BreakerOptions = Readonly<typeof BREAKER_DEFAULTS>;

export type BreakerState =
  | {
      readonly kind: "closed";
      consecutiveFailures: number;
      succeededAtMs: number;
      windowStartMs: number;
      successes: number;
      failures: number;
    }
  | {
      readonly kind: "open";
      /** Time of its last trial, or of its opening. */
      triedAtMs: number;
      nextTrialAtMs: number;
      spacingMs: number;
      extraTrial: boolean;
    }
  | { readonly kind: "half-open"; inFlight: number; successes: number };

export type BreakerKind = BreakerState["kind"];
/** Hears of every change, with its cause. */
export type OnChange = (from: BreakerKind, to: BreakerKind, cause: string) => void;

export type Ticket = {
  readonly generation: number;
  readonly trial: boolean;
  /** A ticket is answered once. */
  isAnswered: boolean;
};
/**
 * Meaning of an answer for the processor: `none` says nothing about it, `rejected` says something when
 * half of all are, `trip` is a failure that opens the breaker alone.
 */
export type Signal = "success" | "failure" | "rejected" | "none" | "trip";

/** Rule by which a breaker opens; the class below only obeys it. */
export function shouldTrip(
  { consecutiveFailures, successes, failures }: Counts,
  options: BreakerOptions = BREAKER_DEFAULTS,
): boolean {
  if (consecutiveFailures >= options.consecutiveFailuresMax) return true;
  const samples = successes + failures;
  return samples >= options.rateSamplesMin && failures / samples >= options.failureRateMax;
}

type Counts = Record<"consecutiveFailures" | "successes" | "failures", number>;

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #onChange: OnChange;
  #state: BreakerState;
  #generation = 0;
  /** Trials of any generation without an answer: each may still occupy the processor. */
  #trialsUnanswered = 0;

  constructor(
    nowMs: number,
    onChange: OnChange = () => {},
    options: BreakerOptions = BREAKER_DEFAULTS,
  ) {
    this.#onChange = onChange;
    this.#options = options;
    this.#state = closedAt(nowMs);
  }

  get state(): Readonly<BreakerState> {
    return this.#state;
  }

  /** True when ordinary payments may go: closed, or half-open with room. */
  get admits(): boolean {
    const state = this.#state;
    return (
      state.kind === "closed" ||
      (state.kind === "half-open" && state.inFlight < this.#options.halfOpenInFlightMax)
    );
  }

  /** True when a trial is due because the health probe said so. */
  get isInvited(): boolean {
    const state = this.#state;
    if (state.kind !== "open" || !state.extraTrial) return false;
    return this.#trialsUnanswered < 2 * this.#options.trialsUnansweredMax;
  }

  /** True when a trial is due; only ever while open. */
  admitsTrial(nowMs: number): boolean {
    const state = this.#state;
    if (state.kind !== "open") return false;
    if (state.extraTrial) return this.isInvited;
    const { trialsUnansweredMax } = this.#options;
    return nowMs >= state.nextTrialAtMs && this.#trialsUnanswered < trialsUnansweredMax;
  }

  /** True when nothing has been tried for so long that a payment may be risked which needs no trial. */
  admitsProbe(nowMs: number): boolean {
    const state = this.#state;
    if (state.kind !== "open" || this.#trialsUnanswered > 0) return false;
    return nowMs - state.triedAtMs >= this.#options.probeSpacingMs;
  }

  /** True while the state that the ticket was given in lasts. */
  isCurrent(ticket: Ticket): boolean {
    return ticket.generation === this.#generation;
  }

  /** Admits one payment; ask `admits` or `admitsTrial` first. */
  admit(nowMs: number): Ticket {
    const state = this.#state;
    const trial = state.kind !== "closed";
    if (state.kind === "half-open") state.inFlight++;
    if (state.kind === "open") {
      state.extraTrial = false;
      state.triedAtMs = nowMs;
      state.nextTrialAtMs = nowMs + state.spacingMs;
      state.spacingMs = Math.min(this.#options.trialSpacingMsMax, state.spacingMs * 2);
    }
    if (trial) this.#trialsUnanswered++;
    return { generation: this.#generation, trial, isAnswered: false };
  }

  /** Records an answer. Throws when the ticket was answered before. */
  record(nowMs: number, ticket: Ticket, signal: Signal, cause: string): void {
    if (ticket.isAnswered) throw new Error("a call was answered twice");
    ticket.isAnswered = true;
    if (ticket.trial) this.#trialsUnanswered--;
    if (!this.isCurrent(ticket)) return;
    const state = this.#state;
    if (state.kind === "half-open") state.inFlight--;
    if (signal === "none") return;
    if (signal === "success") this.#succeeded(nowMs, cause);
    else if (signal === "trip") this.#trip(nowMs, cause);
    else if (signal === "rejected") this.#rejected(nowMs, cause);
    else this.#failed(nowMs, cause);
  }

  recordHealth(nowMs: number, failing: boolean, cause: string): void {
    const state = this.#state;
    if (failing && state.kind === "closed") this.#open(nowMs, cause);
    else if (!failing && state.kind === "open") state.extraTrial = true;
  }

  #succeeded(nowMs: number, cause: string): void {
    const state = this.#state;
    switch (state.kind) {
      case "closed":
        this.#roll(state, nowMs);
        state.consecutiveFailures = 0;
        state.succeededAtMs = nowMs;
        state.successes++;
        return;
      case "open":
        return this.#become({ kind: "half-open", inFlight: 0, successes: 1 }, cause);
      case "half-open":
        state.successes++;
        if (state.successes < this.#options.halfOpenSuccesses) return;
        return this.#become(closedAt(nowMs), cause);
    }
  }

  #failed(nowMs: number, cause: string): void {
    const state = this.#state;
    if (state.kind === "open") return;
    if (state.kind === "half-open") return this.#open(nowMs, cause);
    this.#roll(state, nowMs);
    state.consecutiveFailures++;
    state.failures++;
    const { successes, failures } = state;
    const isFresh = nowMs - state.succeededAtMs < this.#options.successFreshMs;
    const consecutiveFailures = isFresh ? 0 : state.consecutiveFailures;
    if (shouldTrip({ consecutiveFailures, successes, failures }, this.#options)) {
      this.#open(nowMs, cause);
    }
  }

  /** A few are the fault of their payments. */
  #rejected(nowMs: number, cause: string): void {
    const state = this.#state;
    if (state.kind !== "closed") return;
    this.#roll(state, nowMs);
    state.failures++;
    const { successes, failures } = state;
    if (shouldTrip({ consecutiveFailures: 0, successes, failures }, this.#options)) {
      this.#open(nowMs, cause);
    }
  }

  #trip(nowMs: number, cause: string): void {
    if (this.#state.kind !== "open") this.#open(nowMs, cause);
  }

  #roll(state: Extract<BreakerState, { kind: "closed" }>, nowMs: number): void {
    if (nowMs - state.windowStartMs < this.#options.rateWindowMs) return;
    state.windowStartMs = nowMs;
    state.successes = 0;
    state.failures = 0;
  }

  #open(nowMs: number, cause: string): void {
    const spacingMs = this.#options.trialSpacingMsFirst;
    const nextTrialAtMs = nowMs + spacingMs;
    this.#become(
      { kind: "open", triedAtMs: nowMs, nextTrialAtMs, spacingMs, extraTrial: false },
      cause,
    );
  }

  #become(state: BreakerState, cause: string): void {
    const from = this.#state.kind;
    this.#state = state;
    this.#generation++;
    this.#onChange(from, state.kind, cause);
  }
}

function closedAt(nowMs: number): BreakerState {
  return {
    kind: "closed",
    consecutiveFailures: 0,
    succeededAtMs: Number.NEGATIVE_INFINITY,
    windowStartMs: nowMs,
    successes: 0,
    failures: 0,
  };
}
