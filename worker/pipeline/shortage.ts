/**
 * Calls that cannot be made for want of something of our own (descriptors, ports, memory) fail at once
 * and say nothing about a processor, so that no breaker keeps payments from trying again and again.
 *
 * While there is a shortage one is tried every 100 ms. A call that ends leaves room for another, and no
 * more: it says nothing about whether a further connection can be made. One that made its connection
 * leaves room for two, so that what is sent doubles until the next failure. It is over when a connection
 * was made since the last failure, and that is a second ago.
 */
const REST_MS = 100;
const QUIET_MS = 1_000;

export class Shortage {
  /** Calls that could not be made. */
  failed = 0;
  /** Null while there is none. */
  #triesAgainAtMs: number | null = null;
  /** Calls that there is room for beside those that are tried. */
  #room = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #isConnectedSince = false;

  /** A call could not be made. */
  noticed(nowMs: number): void {
    this.failed++;
    this.#triesAgainAtMs = nowMs + REST_MS;
    this.#failedAtMs = nowMs;
    this.#room = 0;
    this.#isConnectedSince = false;
  }

  /** A call has ended that could be made, `connected` on a connection of its own. True: it is over. */
  ended(nowMs: number, connected: boolean): boolean {
    if (this.#triesAgainAtMs === null) return false;
    this.#isConnectedSince ||= connected;
    this.#room += connected ? 2 : 1;
    if (!this.#isConnectedSince || nowMs - this.#failedAtMs < QUIET_MS) return false;
    this.#triesAgainAtMs = null;
    return true;
  }

  /** True when a call may be tried now. */
  allows(nowMs: number): boolean {
    return this.#triesAgainAtMs === null || this.#room > 0 || nowMs >= this.#triesAgainAtMs;
  }

  /** A call is tried: while there is a shortage, the next one waits unless there is room for it. */
  tried(nowMs: number): void {
    if (this.#triesAgainAtMs === null) return;
    if (this.#room > 0) this.#room--;
    else this.#triesAgainAtMs = nowMs + REST_MS;
  }
}
