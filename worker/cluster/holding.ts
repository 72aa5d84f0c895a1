/**
 * The shards of one worker, and what it may do with each of them.
 *
 *   loading   its open payments are being read: nothing is accepted and nothing sent, since a payment that
 *             is posted now may be one of those
 *   open      as on one machine
 *   closing   it will be given away: nothing is accepted and nothing sent; what is under way ends
 *
 * A shard is given away by a batch of its owner's stream, so behind everything else that was committed for
 * it; only its owner's end takes it from an owner that has not given it.
 */
import type { ShardMap } from "./owners.ts";
import { shardOf, SHARDS } from "../../shared/shards.ts";

type Stage = "loading" | "open" | "closing";

/** Answer to a payment that was posted: taken; not now; or, for good, another worker's. */
export type Admission = "take" | "busy" | "elsewhere";

export class Holding {
  readonly #stages: (Stage | undefined)[] = Array.from({ length: SHARDS });
  #count = 0;
  #version = Number.NEGATIVE_INFINITY;

  /** Newest version of the map that is known here. */
  get version(): number {
    return this.#version;
  }

  /** Counts shards that are this worker's. */
  get count(): number {
    return this.#count;
  }

  /** Shards whose open payments are not in memory yet. */
  get loading(): number[] {
    return this.#stages.flatMap((_, shard) => (this.isLoading(shard) ? [shard] : []));
  }
  isLoading(shard: number): boolean {
    return this.#stages[shard] === "loading";
  }

  /**
   * Takes over what the map says, unless it is older than what is known: one that was read before a shard
   * was given away, and comes after. Gives the shards that are new here, which have to be loaded.
   */
  learn({ version, owners }: ShardMap, me: number): number[] {
    if (version < this.#version) return [];
    this.#version = version;
    const gained: number[] = [];
    for (let shard = 0; shard < SHARDS; shard++) {
      if (owners[shard] !== me) this.#drop(shard);
      else if (this.#stages[shard] === undefined) gained.push(shard);
    }
    for (const shard of gained) this.#stages[shard] = "loading";
    this.#count += gained.length;
    return gained;
  }

  /** All open payments of these are in memory. */
  loaded(shards: Iterable<number>): void {
    for (const shard of shards) {
      if (this.#stages[shard] === "loading") this.#stages[shard] = "open";
    }
  }

  /** Begins to give it away; false while it cannot be. */
  close(shard: number): boolean {
    if (this.#stages[shard] !== "open") return false;
    this.#stages[shard] = "closing";
    return true;
  }

  /** It is not given away after all. */
  reopen(shard: number): void {
    if (this.#stages[shard] === "closing") this.#stages[shard] = "open";
  }

  /** It is another worker's, durably, since this version of the map. */
  gave(shard: number, version: number): void {
    this.#version = Math.max(this.#version, version);
    this.#drop(shard);
  }

  admission(id: string): Admission {
    const stage = this.#stages[shardOf(id)];
    if (stage === undefined) return "elsewhere";
    return stage === "open" ? "take" : "busy";
  }

  /** True when calls for its payments may begin. */
  maySend(id: string): boolean {
    return this.#stages[shardOf(id)] === "open";
  }

  #drop(shard: number): void {
    if (this.#stages[shard] === undefined) return;
    this.#stages[shard] = undefined;
    this.#count--;
  }
}
