/**
 * Measures how long payments had to wait for a 202: all together, and those of each worker's shards for
 * themselves, since one worker that goes on hides that the payments of another wait. A shard counts for the
 * worker that owned it when the measurement began, whoever has it afterwards.
 */
import type { ClusterMap } from "../../../shared/http-api/cluster.ts";
import { shardOf } from "../../../shared/shards.ts";

/** Longest times between two 202, in milliseconds. */
export type LullMs = {
  /** Time between any two. */
  readonly all: number;
  /** Time between two for shards of one worker, at the worker for which that is longest. */
  readonly worker: number;
};

type Tally = { okAtMs: number; longestMs: number };

export class LullMeter {
  readonly #all: Tally;
  readonly #workers: readonly Tally[];
  /** Tally of each shard's owner; a shard that nobody has counts for none. */
  readonly #byShard = new Map<number, Tally>();

  constructor(nowMs: number, { workers }: Pick<ClusterMap, "workers">) {
    const begun = () => ({ okAtMs: nowMs, longestMs: 0 });
    this.#all = begun();
    const owners = workers.filter(({ shards }) => shards.length > 0);
    this.#workers = owners.map(({ shards }) => {
      const one = begun();
      for (const shard of shards) this.#byShard.set(shard, one);
      return one;
    });
  }

  /** A payment was answered 202. */
  seen(nowMs: number, correlationId: string): void {
    const worker = this.#byShard.get(shardOf(correlationId));
    for (const one of worker === undefined ? [this.#all] : [this.#all, worker]) {
      one.longestMs = Math.max(one.longestMs, nowMs - one.okAtMs);
      one.okAtMs = nowMs;
    }
  }

  /** True once each worker's shards have had a 202 after that instant, so that no lull is cut off. */
  isSeenSince(atMs: number): boolean {
    return [this.#all, ...this.#workers].every(({ okAtMs }) => okAtMs > atMs);
  }

  get longestMs(): LullMs {
    const worker = Math.max(0, ...this.#workers.map(({ longestMs }) => longestMs));
    return { all: this.#all.longestMs, worker };
  }
}
