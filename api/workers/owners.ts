/**
 * Reads the map that a worker tells into what an API asks of it: the link of the worker that has a
 * payment's shard. A map that is not whole, such as one with a shard of two workers, is none.
 */
import * as v from "valibot";
import type { ClusterMap } from "../../shared/http-api/cluster.ts";
import { parseEndpoint, parseHttpUrl } from "../../shared/settings.ts";
import { shardOf, SHARDS } from "../../shared/shards.ts";

/** Workers that one map may have: an API has a socket for each. */
const WORKERS_MAX = 64;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const shape = v.object({
  version: whole,
  workers: v.pipe(
    v.array(
      v.object({
        name: v.pipe(v.string(), v.maxLength(64)),
        link: v.pipe(
          v.string(),
          v.check((link) => parseEndpoint(link) !== null),
        ),
        http: v.pipe(
          v.string(),
          v.check((http) => parseHttpUrl(http) === http),
        ),
        shards: v.array(v.pipe(whole, v.maxValue(SHARDS - 1))),
      }),
    ),
    v.maxLength(WORKERS_MAX),
  ),
});

export class Owners {
  readonly map: ClusterMap;
  readonly #links: readonly (string | null)[];

  private constructor(map: ClusterMap, links: readonly (string | null)[]) {
    this.map = map;
    this.#links = links;
  }

  /** Takes a map from its JSON; null when it is none. */
  static of(json: unknown): Owners | null {
    const parsed = v.safeParse(shape, json);
    if (!parsed.success) return null;
    const links: (string | null)[] = Array.from({ length: SHARDS }, () => null);
    for (const { link, shards } of parsed.output.workers) {
      for (const shard of shards) {
        if (links[shard] !== null) return null;
        links[shard] = link;
      }
    }
    return new Owners(parsed.output, links);
  }

  get version(): number {
    return this.map.version;
  }

  /** Link of the worker that has the payment's shard; null while nobody has it. */
  linkOf(correlationId: string): string | null {
    return this.#links[shardOf(correlationId)] as string | null;
  }
}
