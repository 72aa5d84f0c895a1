/** A database that several workers share, as a test plays it. */
import { shardOf, SHARDS } from "../../shared/shards.ts";
import { Holding } from "../cluster/holding.ts";
import type { Peer } from "../cluster/lead.ts";
import type { SharedJournal, SharedNews, SharedReading } from "../journal.ts";
import { idOf } from "./world.fixture.ts";

const US = 1;
export const OTHER = 2;
export const VERSION = 7;
/** Shard of the first payment. */
export const mine = shardOf(idOf(1));

/** Stands in for a database that several share: says what a test says, and notes what is given away. */
export class Shared implements SharedJournal {
  readonly holding = new Holding();
  readonly given: { readonly shards: readonly number[]; readonly to: number }[] = [];
  onNews: (news: SharedNews) => void = () => {};
  onTariffs = null;
  rowsLeft = Number.POSITIVE_INFINITY;
  leads = true;
  leader = null;
  owner: Peer | null = { name: "w2", http: "http://w2.example:9995" };
  /** Version of the map after a gift; null refuses it. */
  versionAfter: number | null = VERSION + 1;

  get map() {
    return { version: this.holding.version, workers: [] };
  }
  ownerOf() {
    return this.owner;
  }
  readonly readings: SharedReading[] = [];
  tellHealth(reading: SharedReading) {
    this.readings.push(reading);
  }
  shardsUnderWay() {
    return new Set<number>();
  }
  async parkedIn() {
    return new Map();
  }
  async give(shards: readonly number[], to: number) {
    this.given.push({ shards, to });
    return this.versionAfter;
  }

  /** This worker has some shards, only the first payment's by default, and another one has all others. */
  learn(ours: readonly number[] = [mine]): number[] {
    const owners = Array.from({ length: SHARDS }, (_, shard) =>
      ours.includes(shard) ? US : OTHER,
    );
    return this.holding.learn({ version: VERSION, owners }, US);
  }

  hear(news: Partial<SharedNews>): void {
    const decisions = { modes: [], urls: [], isTrusted: false };
    const nothing = {
      gained: [],
      abandoned: 0,
      gifts: [],
      tariffs: 0,
      health: [],
      ...decisions,
    };
    this.onNews({ ...nothing, ...news });
  }
}
