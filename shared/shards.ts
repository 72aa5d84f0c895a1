/**
 * Cuts all payments into 256 parts, each of which belongs to one worker at a time. The part follows from
 * the whole id, since one made from the time has the same first half as its neighbours, and never changes:
 * it stands in a column of every payment that is in a database.
 */
export const SHARDS = 256;

/** Finds the shard of a payment: the bytes of its id, all of them, added without carry. */
export function shardOf(id: string): number {
  let shard = 0;
  for (const byte of Buffer.from(id.replaceAll("-", ""), "hex")) shard ^= byte;
  return shard;
}
