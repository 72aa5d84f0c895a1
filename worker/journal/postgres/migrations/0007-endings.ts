/**
 * Says of each attempt to which stream it was committed: numbers of attempts are given before their commit
 * is there, so that only within a stream a later one has the greater number, and a reader of what ended
 * that goes on behind a number misses nothing.
 */
import type { PostgresMigration } from "./migration.ts";

export const endings: PostgresMigration = {
  name: "0007-endings",
  what: "events of several workers are read one after the other",
  sql: `
ALTER TABLE attempts ADD COLUMN stream smallint NOT NULL DEFAULT 0;
DROP INDEX ending_attempts;
CREATE INDEX ending_attempts ON attempts (stream, nth) WHERE outcome IN ('rejected', 'conflict');
`,
};
