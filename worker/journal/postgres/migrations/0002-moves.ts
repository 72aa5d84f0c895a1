/**
 * Makes room for what a file may have and a database has not had: that payments were pruned, which takes
 * their times away, and that a journal was moved elsewhere, so that no worker starts on what is left here.
 * Rows of before keep the stricter rule by themselves, so that nobody has to look through them.
 */
import type { PostgresMigration } from "./migration.ts";

export const moves: PostgresMigration = {
  name: "0002-moves",
  what: "a journal may come from a file, or be moved to one",
  sql: `
ALTER TABLE meta ADD COLUMN pruned_before_ms bigint;
ALTER TABLE meta ADD COLUMN moved_at_ms bigint;
ALTER TABLE payments DROP CONSTRAINT payments_check;
ALTER TABLE payments ADD CONSTRAINT payments_check CHECK ((processor IS NULL) = (requested_at_ms IS NULL)
  OR (state = 4 AND processor IS NOT NULL AND settled_at_ms IS NULL)) NOT VALID;
`,
};
