/**
 * Keeps what each worker was started with, its processors and their fees, so that one which has others is
 * refused while that one lives (worker/cluster/configuration.ts).
 */
import type { PostgresMigration } from "./migration.ts";

export const configurations: PostgresMigration = {
  name: "0008-configurations",
  what: "workers of one database have the same processors",
  sql: "ALTER TABLE workers ADD COLUMN processors jsonb NOT NULL DEFAULT '[]'",
};
