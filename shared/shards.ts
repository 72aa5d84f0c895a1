/**
 * Cuts all payments into 256 parts, each of which belongs to one worker at a time. The part follows from
 * the whole id, since one made from the time has the same first half as its neighbours, and never changes:
 * it stands in a column of every payment that is in a database.
 */
export const SHARDS = 256;

const DASH = "-".charCodeAt(0);

/** Finds the shard of a payment: the bytes of its id, all of them, added without carry. */
export function shardOf(id: string): number {
  let shard = 0;
  let shift = 4;
  // Every payment comes by here several times, so no buffer is made of it.
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    if (code === DASH) continue;
    // The last four bits of a letter say how far it is from the one before "a".
    const digit = (code & 0x0f) + (code >> 6) * 9;
    shard ^= digit << shift;
    shift ^= 4;
  }
  return shard;
}
