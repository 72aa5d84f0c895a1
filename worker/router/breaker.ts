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
const CONSECUTIVE_FAILURES_MAX = 5;
/** A busy processor that fails one call in five has five failures in a row now and then; it is not down. */
const SUCCESS_FRESH_MS = 100;
const RATE_WINDOW_MS = 5_000;
const RATE_SAMPLES_MIN = 20;
const FAILURE_RATE_MAX = 0.5;
const TRIAL_SPACING_MS_FIRST = 50;
/** Recovery is noticed within a second, the answer's own time included. */
const TRIAL_SPACING_MS_MAX = 750;
const TRIALS_UNANSWERED_MAX = 4;
const HALF_OPEN_IN_FLIGHT_MAX = 8;
const HALF_OPEN_SUCCESSES = 3;

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
      readonly cause: string;
      readonly sinceMs: number;
      nextTrialAtMs: number;
      spacingMs: number;
      extraTrial: boolean;
    }
  | { readonly kind: "half-open"; inFlight: number; successes: number };

export type Ticket = { readonly generation: number; readonly trial: boolean };
/**
 * What an answer says about the processor; `none` is an answer that says nothing, `trip` a failure that
 * needs no other beside it.
 */
export type Signal = "success" | "failure" | "none" | "trip";

/** The rule; the class below only obeys it. */
export function shouldTrip(
  consecutiveFailures: number,
  successes: number,
  failures: number,
): boolean {
  if (consecutiveFailures >= CONSECUTIVE_FAILURES_MAX) return true;
  const samples = successes + failures;
  return samples >= RATE_SAMPLES_MIN && failures / samples >= FAILURE_RATE_MAX;
}

export class Breaker {
  #state: BreakerState;
  #generation = 0;
  /** Trials without an answer, of whatever generation: each may still occupy the processor. */
  #trialsUnanswered = 0;

  constructor(nowMs: number) {
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
      (state.kind === "half-open" && state.inFlight < HALF_OPEN_IN_FLIGHT_MAX)
    );
  }

  /** True when a trial is due because the health probe said so. */
  get isInvited(): boolean {
    const state = this.#state;
    if (state.kind !== "open" || !state.extraTrial) return false;
    return this.#trialsUnanswered < 2 * TRIALS_UNANSWERED_MAX;
  }

  /** True when a trial is due; only ever while open. */
  admitsTrial(nowMs: number): boolean {
    const state = this.#state;
    if (state.kind !== "open") return false;
    if (state.extraTrial) return this.isInvited;
    return nowMs >= state.nextTrialAtMs && this.#trialsUnanswered < TRIALS_UNANSWERED_MAX;
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
      state.nextTrialAtMs = nowMs + state.spacingMs;
      state.spacingMs = Math.min(TRIAL_SPACING_MS_MAX, state.spacingMs * 2);
    }
    if (trial) this.#trialsUnanswered++;
    return { generation: this.#generation, trial };
  }

  /** Records an answer. True when the state changed. */
  record(nowMs: number, ticket: Ticket, signal: Signal, cause: string): boolean {
    if (ticket.trial) this.#trialsUnanswered--;
    if (!this.isCurrent(ticket)) return false;
    const state = this.#state;
    if (state.kind === "half-open") state.inFlight--;
    if (signal === "none") return false;
    if (signal === "success") return this.#succeeded(nowMs);
    return signal === "trip" ? this.#trip(nowMs, cause) : this.#failed(nowMs, cause);
  }

  /** A reading of the health probe. True when the state changed. */
  recordHealth(nowMs: number, failing: boolean): boolean {
    const state = this.#state;
    if (failing)
      return state.kind === "closed" && this.#open(nowMs, "its health probe says failing");
    if (state.kind === "open") state.extraTrial = true;
    return false;
  }

  #succeeded(nowMs: number): boolean {
    const state = this.#state;
    if (state.kind === "closed") {
      this.#roll(state, nowMs);
      state.consecutiveFailures = 0;
      state.succeededAtMs = nowMs;
      state.successes++;
      return false;
    }
    if (state.kind === "open") {
      return this.#become({ kind: "half-open", inFlight: 0, successes: 1 });
    }
    state.successes++;
    return state.successes >= HALF_OPEN_SUCCESSES && this.#become(closedAt(nowMs));
  }

  #failed(nowMs: number, cause: string): boolean {
    const state = this.#state;
    if (state.kind === "open") return false;
    if (state.kind === "half-open") return this.#open(nowMs, cause);
    this.#roll(state, nowMs);
    state.consecutiveFailures++;
    state.failures++;
    const inARow = nowMs - state.succeededAtMs < SUCCESS_FRESH_MS ? 0 : state.consecutiveFailures;
    const trip = shouldTrip(inARow, state.successes, state.failures);
    return trip && this.#open(nowMs, cause);
  }

  #trip(nowMs: number, cause: string): boolean {
    return this.#state.kind !== "open" && this.#open(nowMs, cause);
  }

  #roll(state: Extract<BreakerState, { kind: "closed" }>, nowMs: number): void {
    if (nowMs - state.windowStartMs < RATE_WINDOW_MS) return;
    state.windowStartMs = nowMs;
    state.successes = 0;
    state.failures = 0;
  }

  #open(nowMs: number, cause: string): boolean {
    return this.#become({
      kind: "open",
      cause,
      sinceMs: nowMs,
      nextTrialAtMs: nowMs + TRIAL_SPACING_MS_FIRST,
      spacingMs: TRIAL_SPACING_MS_FIRST,
      extraTrial: false,
    });
  }

  #become(state: BreakerState): true {
    this.#state = state;
    this.#generation++;
    return true;
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
