/**
 * A worker's share of the calls that a processor takes: in proportion to its shards, so that all workers
 * together send no more than one alone would. It shrinks at once. It grows only when every call of the
 * former owner has ended, which may still run after that one was sealed; shards that nobody had count at
 * once, so that a gateway that starts does not wait. One call is always allowed, or the payments of a
 * worker with few shards would wait for ever: workers that have none of a whole call go beyond the limit
 * by one each.
 */
import { SHARDS } from "../../shared/shards.ts";

export class Share {
  readonly #processorTimeoutMs: number;
  #shards = 0;
  /** Shards that came from another worker, with the instant from which each group of them counts. */
  #coming: { readonly fromMs: number; count: number }[] = [];

  constructor(processorTimeoutMs: number) {
    this.#processorTimeoutMs = processorTimeoutMs;
  }

  /** Notes how many shards this worker has, and whether those that are new were somebody's. */
  has(nowMs: number, shards: number, wereOwned: boolean): void {
    this.#settle(nowMs);
    const more = shards - this.#shards - this.#comingCount;
    if (more >= 0 && wereOwned) {
      if (more > 0) this.#coming.push({ fromMs: nowMs + this.#processorTimeoutMs, count: more });
      return;
    }
    this.#shards += more;
    // Shards that were given away before they counted had not grown the share.
    while (this.#shards < 0) {
      const last = this.#coming.at(-1)!;
      const taken = Math.min(last.count, -this.#shards);
      last.count -= taken;
      this.#shards += taken;
      if (last.count === 0) this.#coming.pop();
    }
  }

  /** Calls that this worker may have in flight at a processor that takes `hardLimit` from all of them. */
  of(nowMs: number, hardLimit: number): number {
    this.#settle(nowMs);
    return Math.max(1, Math.floor((hardLimit * this.#shards) / SHARDS));
  }

  get #comingCount(): number {
    return this.#coming.reduce((sum, { count }) => sum + count, 0);
  }

  #settle(nowMs: number): void {
    while (this.#coming[0] !== undefined && this.#coming[0].fromMs <= nowMs) {
      this.#shards += this.#coming.shift()!.count;
    }
  }
}
