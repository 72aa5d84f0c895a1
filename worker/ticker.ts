/**
 * Ticks when something is due, and not before. What only time moves says when its next instant comes, and
 * one timer is set for it; what happens asks for a tick soon. So a worker to which nothing happens does
 * nothing, and one that is busy ticks every 10 ms, whatever comes in: no payment sets a timer. It does so at whole
 * multiples of 10 ms, together with the thread's other tickers, so that they wake it once. After a tick that took
 * long it rests for as long before the next.
 *
 * What is due already, and cannot be done yet, is looked at again in the next tick. An instant that is
 * said too early costs a tick; one that is said too late would hold a payment up, so whoever is in doubt
 * says "now".
 *
 * A worker that rests ticks about once a second, for what only has to be looked at. Such a tick comes a
 * little sooner when something else wakes the thread then, so that it does not wake twice.
 */
import { alarms } from "../shared/alarms.ts";
import { nextMultipleMs, systemClock, type Clock } from "../shared/clock.ts";

export const TICK_MS = 10;
/** Time after a tick from which another one is welcome when the thread is awake anyway. */
export const REST_MS = 800;

/** Calls once, after so long or as much later as the slack, unless what it gives is called before. */
export type After = (ms: number, call: () => void, slackMs: number) => () => void;

export type TickerOptions = {
  readonly clock: Pick<Clock, "steadyMs">;
  readonly tick: () => void;
  /** Instant at which the next tick is due, at the latest, if nothing happens before; asked after each tick. */
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
  /** The next tick comes after it. */
  #restsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#after = options.after ?? byAlarm;
  }

  /** Ticks within 10 ms: something has happened. */
  soon(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#set(this.#soonestAfter(this.#options.clock.steadyMs()));
  }

  stop(): void {
    this.#isOver = true;
    this.#cancel();
  }

  #soonestAfter(nowMs: number): number {
    return nextMultipleMs(TICK_MS, Math.max(nowMs, this.#restsUntilMs));
  }

  /** Sets the timer for an instant; a tick may come sooner from another one on. */
  #set(atMs: number, fromMs = atMs): void {
    if (this.#isOver || atMs >= this.#atMs) return;
    this.#cancel();
    this.#atMs = atMs;
    const soonestMs = Math.min(atMs, fromMs);
    const afterMs = soonestMs - this.#options.clock.steadyMs();
    this.#cancel = this.#after(afterMs, () => this.#fired(), atMs - soonestMs);
  }

  #fired(): void {
    const { clock, tick, nextAtMs } = this.#options;
    const wasAsked = this.#isAsked;
    this.#isAsked = false;
    // While it ticks it sets no timer: how long that takes is not known yet.
    this.#atMs = Number.NEGATIVE_INFINITY;
    const beganAtMs = clock.steadyMs();
    tick();
    this.#atMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.steadyMs();
    this.#restsUntilMs = nowMs + (nowMs - beganAtMs);
    const soonestMs = this.#soonestAfter(nowMs);
    // Where something happened just now more will, and the timer is set once.
    if (wasAsked || this.#isAsked) this.#set(soonestMs);
    else this.#set(Math.max(soonestMs, nextAtMs()), nowMs + REST_MS);
  }
}

function byAlarm(ms: number, call: () => void, slackMs: number): () => void {
  return alarms.at(systemClock.steadyMs() + ms, call, true, slackMs);
}
