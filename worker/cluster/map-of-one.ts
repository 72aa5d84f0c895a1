/**
 * The map that a worker tells APIs while it is the only one that is active: all shards are its own. Its
 * version is the number of its start, which follows the clock, so that APIs turn to whoever took over.
 */
import type { ClusterMap } from "../../shared/http-api/cluster.ts";
import { SHARDS } from "../../shared/shards.ts";
import { reachedAt, type ReachedBy } from "./reached-at.ts";

export function mapOfOne(
  settings: ReachedBy & { readonly WORKER_NAME: string },
  epoch: number,
): ClusterMap {
  const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
  const ours = { name: settings.WORKER_NAME, ...reachedAt(settings), shards };
  return { version: epoch, workers: [ours] };
}
