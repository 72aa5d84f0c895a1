/** Makes room for a processor's own code of a rejection, as for a file (worker/journal/migrations/). */
import type { PostgresMigration } from "./migration.ts";

export const codes: PostgresMigration = {
  name: "0005-codes",
  what: "a rejection keeps its processor's own code",
  sql: "ALTER TABLE attempts ADD COLUMN code text;",
};
