/** Windowed minimum: the least value of this window and of the one before. */
const WINDOW_MS = 1_000;

export class WindowedMinimum {
  #startMs = Number.NEGATIVE_INFINITY;
  #now = Number.POSITIVE_INFINITY;
  #before = Number.POSITIVE_INFINITY;

  /** Adds a value, and gives the least. */
  of(nowMs: number, value: number): number {
    if (nowMs - this.#startMs >= WINDOW_MS) {
      this.#before = this.#now;
      this.#now = Number.POSITIVE_INFINITY;
      this.#startMs = nowMs;
    }
    this.#now = Math.min(this.#now, value);
    return Math.min(this.#now, this.#before);
  }
}
