/**
 * Says which worker has which shard. The map is a row for each shard in the database, with one version for
 * all of them, which grows with every change. Shards of a worker that is sealed are spread over the living,
 * and who has more than its part gives one after the other to those that have less. Owners are workers'
 * numbers in the database; null is nobody.
 */
export type Owners = readonly (number | null)[];
export type ShardMap = { readonly version: number; readonly owners: Owners };

/**
 * Gives the number after the last one: a version of the map, or the number of a worker's start. It follows
 * the clock, so that none comes again after the database was put back. Two starts that have the same number
 * would pass one fence, and each would take the other's batch for its own that is repeated.
 */
export function nextNumber(last: number, nowMs: number): number {
  return Math.max(last + 1, Math.floor(nowMs));
}

/** Hands what `from` has (null: what nobody has) to the living, each time to the one that has least. */
export function spread(owners: Owners, from: number | null, living: readonly number[]): Owners {
  const counts = countsOf(owners, living);
  return owners.map((owner) => {
    if (owner !== from) return owner;
    const to = leastOf(counts);
    if (to === null) return owner;
    counts.set(to, counts.get(to)! + 1);
    return to;
  });
}

/**
 * Tells whether a batch is about a shard that the map has for another worker. A sealed worker's batch does not
 * come so far, and nobody else takes a shard from a worker that has not given it: the database was put back,
 * and the worker ends as after a gap. `known`: the version that the worker knows; with that one there is
 * nothing to look for.
 */
export function isAnothers(
  { version, owners }: ShardMap,
  me: number,
  known: number,
  shards: readonly number[],
): boolean {
  return version !== known && shards.some((shard) => owners[shard] !== me);
}

/** Gift of a shard to another worker. */
export type Gift = { readonly shard: number; readonly to: number };

/** Finds what a worker should give away so that no living worker has two more than another. */
export function surplus(owners: Owners, me: number, living: readonly number[]): Gift[] {
  const counts = countsOf(owners, living);
  const gifts: Gift[] = [];
  for (const [shard, owner] of owners.entries()) {
    if (owner !== me) continue;
    const to = leastOf(counts);
    const mine = counts.get(me) ?? 0;
    if (to === null || mine - counts.get(to)! < 2) break;
    counts.set(to, counts.get(to)! + 1);
    counts.set(me, mine - 1);
    gifts.push({ shard, to });
  }
  return gifts;
}

function countsOf(owners: Owners, living: readonly number[]): Map<number, number> {
  const counts = new Map(living.toSorted((a, b) => a - b).map((worker) => [worker, 0]));
  for (const owner of owners) {
    const count = owner === null ? undefined : counts.get(owner);
    if (count !== undefined) counts.set(owner!, count + 1);
  }
  return counts;
}

/** The one with the lowest number of those that have least. */
function leastOf(counts: ReadonlyMap<number, number>): number | null {
  let least: number | null = null;
  for (const [worker, count] of counts) {
    if (least === null || count < counts.get(least)!) least = worker;
  }
  return least;
}
