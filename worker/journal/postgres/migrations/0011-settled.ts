/**
 * Finds open payments by a column that changes once, and not by their states: PostgreSQL writes a row into all
 * indexes anew when a column changes that one of them reads, and else leaves them as they are, as long as
 * the page has room. So a page is given more of it.
 */
import type { PostgresMigration } from "./migration.ts";

export const settled: PostgresMigration = {
  name: "0011-settled",
  what: "a payment that moves, and is not settled yet, changes no index",
  sql: `
ALTER TABLE payments ADD COLUMN settled boolean NOT NULL DEFAULT true;
UPDATE payments SET settled = false WHERE state <> 4;
ALTER TABLE payments ALTER COLUMN settled SET DEFAULT false;
ALTER TABLE payments ADD CONSTRAINT settled_is_a_state CHECK (settled = (state = 4)) NOT VALID;
DROP INDEX open_payments;
CREATE INDEX open_payments ON payments (shard) WHERE NOT settled;
ALTER TABLE payments SET (fillfactor = 60);
`,
};
