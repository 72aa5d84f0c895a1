/**
 * Gives the map of shards one version, since whoever compares two of them has to know which one is newer
 * as a whole: it follows the clock, and grows with each change. Versions of single shards, which nobody
 * compared, go. Who has which shard begins anew with the next start, as it does with any.
 */
import type { PostgresMigration } from "./migration.ts";

export const map: PostgresMigration = {
  name: "0006-map",
  what: "the map of shards has a version",
  sql: `
ALTER TABLE meta ADD COLUMN map_version bigint NOT NULL DEFAULT 0;
ALTER TABLE shards DROP COLUMN version;
`,
};
