/**
 * How fast payments that wait are started while others come in. After an outage thousands of them wait,
 * and starting them takes the same thread, journal and share of CPU as taking new ones in: shops would
 * feel every recovery. So the pace rises while acceptances are as quick as they were, by the same factor
 * every step, so that a long backlog takes not much longer than a short one, and halves when they are
 * not. At ordinary rates it stays above what comes in, or the backlog would never end. With nobody at
 * the door there is no limit.
 */
import { LeastOfLate } from "../router/least.ts";

const PER_MS_START = 1;
/**
 * A recovery shall not wait for a door that is never quiet: it has this much, and this multiple of what
 * comes in, up to a pace at which a door that is full would no longer be served first.
 */
const PER_MS_MIN = 1;
const OUTRUN = 2;
const OUTRUN_PER_MS_MAX = 4;
/** What comes in is counted over this long. */
const RATE_MS = 250;
/** A step; it makes e times as much in a second. */
const INCREASE = 1.01;
const DECREASE = 0.5;
const STEP_MS = 10;
/** What may be started at once after a pause, as time at the pace. */
const BURST_MS = 10;
/** An acceptance is late at this multiple of the least of late, and then some. */
const LATE_FACTOR = 2;
const LATE_MS = 1;
/** Without an acceptance for this long, nobody is disturbed. */
const QUIET_MS = 100;

export class Pace {
  readonly #least = new LeastOfLate();
  #perMs = PER_MS_START;
  #changedAtMs = Number.NEGATIVE_INFINITY;
  #acceptedAtMs = Number.NEGATIVE_INFINITY;
  #allowed = 0;
  /** Since the last change: whether it let any start, and whether it held any up. */
  #used = false;
  #binding = false;
  #countedAtMs = Number.NEGATIVE_INFINITY;
  #incoming = { sinceMs: 0, count: 0, perMs: 0 };

  /** Payments a millisecond. */
  get perMs(): number {
    return this.#perMs;
  }

  /** A payment became durable, `tookMs` after it had come in. */
  accepted(nowMs: number, tookMs: number): void {
    this.#acceptedAtMs = nowMs;
    this.#cameIn(nowMs);
    const leastMs = this.#least.of(nowMs, tookMs);
    if (!this.#used || nowMs - this.#changedAtMs < STEP_MS) return;
    const isLate = tookMs > LATE_FACTOR * leastMs + LATE_MS;
    if (isLate) this.#perMs *= DECREASE;
    else if (this.#binding) this.#perMs *= INCREASE;
    const outrun = Math.min(OUTRUN_PER_MS_MAX, OUTRUN * this.#incoming.perMs);
    this.#perMs = Math.max(PER_MS_MIN, outrun, this.#perMs);
    this.#changedAtMs = nowMs;
    this.#used = false;
    this.#binding = false;
  }

  /** True when one more may be started now. */
  allows(nowMs: number): boolean {
    if (nowMs - this.#acceptedAtMs >= QUIET_MS) return true;
    const most = this.#perMs * BURST_MS;
    const earned = (nowMs - this.#countedAtMs) * this.#perMs;
    this.#allowed = Math.min(most, this.#allowed + earned);
    this.#countedAtMs = nowMs;
    if (this.#allowed >= 1) return true;
    this.#binding = true;
    return false;
  }

  /** What was started while nobody was at the door is no debt to those who come later. */
  started(): void {
    this.#allowed = Math.max(0, this.#allowed - 1);
    this.#used = true;
  }

  #cameIn(nowMs: number): void {
    const incoming = this.#incoming;
    incoming.count++;
    const tookMs = nowMs - incoming.sinceMs;
    if (tookMs < RATE_MS) return;
    this.#incoming = { sinceMs: nowMs, count: 0, perMs: incoming.count / tookMs };
  }
}
