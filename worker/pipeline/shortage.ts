/**
 * Calls that cannot be made for want of something of our own (descriptors, ports, memory) fail at once
 * and say nothing about a processor, so that no breaker keeps payments from trying again and again.
 * Until one succeeds in being made, only one is tried at a time, after a rest.
 */
const REST_MS = 100;
/** It is said once in this while, however often it comes and goes. */
const SAID_AGAIN_MS = 10_000;

export class Shortage {
  #triesAgainAtMs: number | null = null;
  #saidAtMs = Number.NEGATIVE_INFINITY;

  /** True when it is to be said. */
  noticed(nowMs: number): boolean {
    this.#triesAgainAtMs = nowMs + REST_MS;
    if (nowMs - this.#saidAtMs < SAID_AGAIN_MS) return false;
    this.#saidAtMs = nowMs;
    return true;
  }

  over(): void {
    this.#triesAgainAtMs = null;
  }

  /** True when a call may be tried now. */
  allows(nowMs: number): boolean {
    return this.#triesAgainAtMs === null || nowMs >= this.#triesAgainAtMs;
  }

  /** A call is tried: while there is a shortage, the next one waits. */
  tried(nowMs: number): void {
    if (this.#triesAgainAtMs !== null) this.#triesAgainAtMs = nowMs + REST_MS;
  }
}
