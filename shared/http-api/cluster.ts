/**
 * The map of a cluster, as a worker knows it: which worker has which shards, and where APIs reach it. It
 * goes over HTTP and not over the link, since 256 shards of many workers do not fit a datagram; an API
 * that is shown a wrong map loses time, and no payment: a worker takes its own shards only, and its
 * verdicts are signed.
 */
import { list, object, text, whole, type Of } from "./schema.ts";

export const clusterMap = object({
  /** Grows with every change; the map with the greatest is the one that holds. */
  version: whole,
  workers: list(
    object({
      name: text,
      /** Host and port of its link. */
      link: text,
      /** Origin of its HTTP. */
      http: text,
      /** Numbers of its shards; each is of one worker at the most. */
      shards: list(whole),
    }),
  ),
});

export type ClusterMap = Of<typeof clusterMap>;
