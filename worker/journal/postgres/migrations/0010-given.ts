/**
 * Notes of each shard whether its owner has it from the one before, who had no call under way then that is
 * not within its own share (worker/cluster/share.ts), or because that one was sealed, or has left.
 */
import type { PostgresMigration } from "./migration.ts";

export const given: PostgresMigration = {
  name: "0010-given",
  what: "a shard that was given brings its share of calls along",
  sql: "ALTER TABLE shards ADD COLUMN given boolean NOT NULL DEFAULT false",
};
