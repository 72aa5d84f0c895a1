/**
 * A time-out for one thing after another, of which nearly all end long before: a call, and the next one on
 * the same connection. Setting a timer and clearing it takes longer than anything else that is done for a
 * call here, so the timer stays when its thing has ended. When it fires it looks what it is for by now, and
 * is set anew for the rest of that, or for nothing. It is as fair as `Overdue` after a pause of our own.
 */
import { Overdue } from "./overdue.ts";

export class Deadline {
  readonly #judge: () => void;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #timer: Overdue | null = null;
  #firesAtMs = Number.POSITIVE_INFINITY;

  /** `judge` is called for each that is not ended in time. */
  constructor(judge: () => void) {
    this.#judge = judge;
  }

  /** Begins one that is due `ms` after `nowMs`; infinite: never. */
  begin(nowMs: number, ms: number): void {
    this.#dueAtMs = nowMs + ms;
    // Another one may have had more time.
    if (this.#dueAtMs < this.#firesAtMs) this.#set(ms);
  }

  end(): void {
    this.#dueAtMs = Number.POSITIVE_INFINITY;
  }

  /** Ends it, and leaves no timer behind. */
  stop(): void {
    this.end();
    this.#timer?.cancel();
    this.#timer = null;
    this.#firesAtMs = Number.POSITIVE_INFINITY;
  }

  #set(ms: number): void {
    this.#timer?.cancel();
    this.#firesAtMs = this.#dueAtMs;
    this.#timer = new Overdue(ms, () => this.#fired());
  }

  #fired(): void {
    this.#timer = null;
    this.#firesAtMs = Number.POSITIVE_INFINITY;
    if (this.#dueAtMs === Number.POSITIVE_INFINITY) return;
    const leftMs = this.#dueAtMs - performance.now();
    if (leftMs > 0) return this.#set(leftMs);
    this.end();
    this.#judge();
  }
}
