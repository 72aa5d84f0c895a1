/**
 * A worker's share of the calls that a processor takes: in proportion to its shards, so that all workers
 * together send no more than one alone would. It shrinks at once. It grows at once with shards that nobody
 * had, so that a gateway that starts does not wait, and with those that their owner has given, which
 * does so only when its own calls have room in what it keeps. Shards that were abandoned, by an owner that was sealed,
 * count when every call of that one has ended; until then nothing is given away of what does not count
 * itself, or whoever got it would have shards and no calls. One call is always allowed, or the payments of a
 * worker with few shards would wait for ever: workers that have none of a whole call go beyond the limit
 * by one each.
 */
import { SHARDS } from "../../shared/shards.ts";

export class Share {
  readonly #processorTimeoutMs: number;
  /** Shards that count. */
  #shards = 0;
  /** Abandoned ones, with the instant from which each group of them counts. */
  #coming: { readonly fromMs: number; count: number }[] = [];

  constructor(processorTimeoutMs: number) {
    this.#processorTimeoutMs = processorTimeoutMs;
  }

  /** Notes how many shards this worker has, and how many of those that are new were abandoned. */
  has(nowMs: number, shards: number, abandoned: number): void {
    this.#settle(nowMs);
    this.#shards += shards - this.#shards - this.#comingCount - abandoned;
    if (abandoned > 0) {
      this.#coming.push({ fromMs: nowMs + this.#processorTimeoutMs, count: abandoned });
    }
    // Shards that were given away before they counted had not grown the share.
    while (this.#shards < 0) {
      const last = this.#coming.at(-1)!;
      const taken = Math.min(last.count, -this.#shards);
      last.count -= taken;
      this.#shards += taken;
      if (last.count === 0) this.#coming.pop();
    }
  }

  /** True when every shard counts. */
  isWhole(nowMs: number): boolean {
    this.#settle(nowMs);
    return this.#coming.length === 0;
  }

  /**
   * Calls that this worker may have in flight at a processor that takes `hardLimit` from all of them, without
   * the shards that it is about to give away.
   */
  of(nowMs: number, hardLimit: number, closing = 0): number {
    this.#settle(nowMs);
    return Math.max(1, Math.floor((hardLimit * (this.#shards - closing)) / SHARDS));
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
