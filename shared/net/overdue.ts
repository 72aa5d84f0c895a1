/**
 * A time-out that is fair after a pause of our own (SIGSTOP, a stopped machine, a long turn): a timer
 * that fires late may do so before the sockets were read, so that an answer which lies there in time
 * would count as none. Such a timer lets the event loop read first, as often as it may have to.
 */

/** Delay beyond which a timer is later than it ordinarily is. */
const LATE_MS = 20;
/** Turns in which 8192 sockets are read: 1024 in each, and a timer of 1 ms waits for the next. */
const READING_TURNS = 8;

export class Overdue {
  readonly #judge: () => void;
  readonly #dueAtMs: number;
  #timer: Timer;
  #readingTurns = 0;

  constructor(ms: number, judge: () => void) {
    this.#judge = judge;
    this.#dueAtMs = performance.now() + ms;
    this.#timer = setTimeout(() => this.#fired(), ms);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  #fired(): void {
    const isLate = performance.now() - this.#dueAtMs > LATE_MS;
    if (isLate) this.#timer = setTimeout(() => this.#turned(), 1);
    else this.#judge();
  }

  #turned(): void {
    if (++this.#readingTurns >= READING_TURNS) return this.#judge();
    this.#timer = setTimeout(() => this.#turned(), 1);
  }
}
