/**
 * Ticks when something is due, and not before. What only time moves says when its next instant comes, and
 * one timer is set for it; what happens asks for a tick soon. So a worker to which nothing happens does
 * nothing, and one that is busy ticks every 10 ms, whatever comes in: no payment sets a timer.
 *
 * What is due already, and cannot be done yet, is looked at again in the next tick. An instant that is
 * said too early costs a tick; one that is said too late would hold a payment up, so whoever is in doubt
 * says "now".
 */
import { alarms } from "../shared/alarms.ts";
import { systemClock, type Clock } from "../shared/clock.ts";

export const TICK_MS = 10;

/** Calls once, after so long, unless what it gives is called before. */
export type After = (ms: number, call: () => void) => () => void;

export type TickerOptions = {
  readonly clock: Pick<Clock, "steadyMs">;
  readonly tick: () => void;
  /** Instant at which the next tick is due if nothing happens before; asked after each tick. */
  readonly nextAtMs: () => number;
  readonly after?: After;
};

export class Ticker {
  readonly #options: TickerOptions;
  readonly #after: After;
  #cancel = () => {};
  #atMs = Number.POSITIVE_INFINITY;
  #isAsked = false;
  #isOver = false;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#after = options.after ?? byAlarm;
  }

  /** Ticks within 10 ms: something has happened. */
  soon(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#set(this.#options.clock.steadyMs() + TICK_MS);
  }

  stop(): void {
    this.#isOver = true;
    this.#cancel();
  }

  #set(atMs: number): void {
    if (this.#isOver || atMs >= this.#atMs) return;
    this.#cancel();
    this.#atMs = atMs;
    this.#cancel = this.#after(atMs - this.#options.clock.steadyMs(), () => this.#fired());
  }

  #fired(): void {
    const { clock, tick, nextAtMs } = this.#options;
    const wasAsked = this.#isAsked;
    this.#isAsked = false;
    this.#atMs = Number.POSITIVE_INFINITY;
    tick();
    // Where something happened just now more will, and the timer is set once.
    const soonestMs = clock.steadyMs() + TICK_MS;
    this.#set(wasAsked ? soonestMs : Math.max(soonestMs, nextAtMs()));
  }
}

function byAlarm(ms: number, call: () => void): () => void {
  return alarms.at(systemClock.steadyMs() + ms, call, true);
}
