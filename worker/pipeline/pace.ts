/**
 * How fast payments that wait are started while others come in. After an outage thousands of them wait,
 * and starting them takes the same thread, journal and share of CPU as taking new ones in: shops would
 * feel every recovery. So the pace rises while acceptances are as quick as they were, by the same factor
 * every step, so that a long backlog takes not much longer than a short one, and halves when they are
 * not. At ordinary rates it stays above what comes in, or the backlog would never end. With nobody at
 * the door there is no limit.
 */
import { WindowedMinimum } from "../router/windowed-minimum.ts";

export const PACE_DEFAULTS = {
  perMsStart: 1,
  /**
   * A recovery shall not wait for a door that is never quiet: it has this much, and this multiple of what
   * comes in, up to a pace at which a door that is full would no longer be served first.
   */
  perMsMin: 1,
  outrun: 2,
  outrunPerMsMax: 4,
  /** Span over which payments that come in are counted. */
  rateMs: 250,
  /** A step; it makes e times as much in a second. */
  increase: 1.01,
  decrease: 0.5,
  stepMs: 10,
  /** Payments that may be started at once after a pause, as time at the pace. */
  burstMs: 10,
  /** An acceptance is late at this multiple of the least of the last seconds, and then some. */
  lateFactor: 2,
  lateMs: 1,
  /** Without an acceptance for this long, nobody is disturbed. */
  quietMs: 100,
};
export type PaceOptions = Readonly<typeof PACE_DEFAULTS>;

export class Pace {
  readonly #options: PaceOptions;
  readonly #least = new WindowedMinimum();
  #perMs: number;
  #changedAtMs = Number.NEGATIVE_INFINITY;
  #acceptedAtMs = Number.NEGATIVE_INFINITY;
  #allowed = 0;
  /** Since the last change: whether it let any start, and whether it held any up. */
  #used = false;
  #binding = false;
  #countedAtMs = Number.NEGATIVE_INFINITY;
  #incoming = { sinceMs: 0, count: 0, perMs: 0 };

  constructor(options: PaceOptions = PACE_DEFAULTS) {
    this.#options = options;
    this.#perMs = options.perMsStart;
  }

  /** Payments a millisecond. */
  get perMs(): number {
    return this.#perMs;
  }

  /** A payment became durable, `tookMs` after it had come in. */
  accepted(nowMs: number, tookMs: number): void {
    this.#acceptedAtMs = nowMs;
    this.#cameIn(nowMs);
    const leastMs = this.#least.of(nowMs, tookMs);
    if (!this.#used || nowMs - this.#changedAtMs < this.#options.stepMs) return;
    const isLate = tookMs > this.#options.lateFactor * leastMs + this.#options.lateMs;
    if (isLate) this.#perMs *= this.#options.decrease;
    else if (this.#binding) this.#perMs *= this.#options.increase;
    const outrun = Math.min(
      this.#options.outrunPerMsMax,
      this.#options.outrun * this.#incoming.perMs,
    );
    this.#perMs = Math.max(this.#options.perMsMin, outrun, this.#perMs);
    this.#changedAtMs = nowMs;
    this.#used = false;
    this.#binding = false;
  }

  /** True when one more may be started now. */
  allows(nowMs: number): boolean {
    if (nowMs - this.#acceptedAtMs >= this.#options.quietMs) return true;
    const most = this.#perMs * this.#options.burstMs;
    const earned = (nowMs - this.#countedAtMs) * this.#perMs;
    this.#allowed = Math.min(most, this.#allowed + earned);
    this.#countedAtMs = nowMs;
    if (this.#allowed >= 1) return true;
    this.#binding = true;
    return false;
  }

  /** Counts a start. Starts while nobody was at the door are no debt to those who come later. */
  started(): void {
    this.#allowed = Math.max(0, this.#allowed - 1);
    this.#used = true;
  }

  #cameIn(nowMs: number): void {
    const incoming = this.#incoming;
    incoming.count++;
    const tookMs = nowMs - incoming.sinceMs;
    if (tookMs < this.#options.rateMs) return;
    this.#incoming = { sinceMs: nowMs, count: 0, perMs: incoming.count / tookMs };
  }
}
