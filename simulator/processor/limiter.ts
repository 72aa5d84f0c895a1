/** CONTRACT.md: at most 800 calls at a time, 500 more wait in line, the rest are turned away. */
const CALLS_MAX = 800;
const WAITING_MAX = 500;

export class CallLimiter<T> {
  #running = 0;
  #waiting: T[] = [];

  get free(): boolean {
    return this.#running < CALLS_MAX;
  }

  take(): void {
    this.#running++;
  }

  give(): void {
    this.#running--;
  }

  /** Puts a call in line; false when the line is full. */
  wait(call: T): boolean {
    if (this.#waiting.length >= WAITING_MAX) return false;
    this.#waiting.push(call);
    return true;
  }

  /** The call that has waited longest, if there is a place for it. */
  next(): T | undefined {
    return this.free ? this.#waiting.shift() : undefined;
  }

  /** Empties places and line; gives those that were waiting. */
  reset(): T[] {
    const waiting = this.#waiting;
    this.#running = 0;
    this.#waiting = [];
    return waiting;
  }
}

/** CONTRACT.md: one health call in each fixed window, two more may wait for a coming one. */
const HEALTH_WINDOW_MS = 5_000;
const HEALTH_WAITING_MAX = 2;

/**
 * Windows begin at the multiples of 5 s. One number is enough: the last window whose only call is
 * taken. The line behind it is the windows between now and then.
 */
export class HealthLimiter {
  #lastTaken = -Infinity;

  /** Gives when the call is answered (now, or at the start of a coming window), or null: turned away. */
  admit(nowMs: number): number | null {
    const current = Math.floor(nowMs / HEALTH_WINDOW_MS);
    const granted = Math.max(current, this.#lastTaken + 1);
    if (granted - current > HEALTH_WAITING_MAX) return null;
    this.#lastTaken = granted;
    return granted === current ? nowMs : granted * HEALTH_WINDOW_MS;
  }

  /** Forgets the calls that waited, as a process that died does; a new one has all of its windows. */
  reset(): void {
    this.#lastTaken = -Infinity;
  }
}
