/**
 * Records the timers that are set while it lasts, each with its delay in milliseconds, so that a test can
 * say of code that has nothing to do that it sleeps. The timers are real and fire as ever.
 */
export class RecordedTimers implements Disposable {
  readonly delaysMs: number[] = [];
  readonly #once = globalThis.setTimeout;
  readonly #every = globalThis.setInterval;

  constructor() {
    globalThis.setTimeout = Object.assign((...given: Parameters<typeof setTimeout>) => {
      this.delaysMs.push(Number(given[1]));
      return this.#once(...given);
    }, this.#once);
    globalThis.setInterval = Object.assign((...given: Parameters<typeof setInterval>) => {
      this.delaysMs.push(Number(given[1]));
      return this.#every(...given);
    }, this.#every);
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#once;
    globalThis.setInterval = this.#every;
  }
}
