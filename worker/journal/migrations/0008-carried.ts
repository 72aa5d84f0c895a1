/**
 * Makes room for what a payment may carry. A reference is a column, found and kept twice by its index, which
 * payments without one are not in. A source has a table of its own, so that a payment without one writes
 * nothing; its copy is its print (worker/journal/source-print.ts), and the print's is an index.
 */
import type { Migration } from "./migration.ts";

export const carried: Migration = {
  name: "0008-carried",
  what: "a payment may carry a source and a reference",
  walks: ["payments"],
  up(db) {
    db.run(SQL);
  },
};

const SQL = `
  ALTER TABLE payments ADD COLUMN reference TEXT;
  CREATE INDEX payments_by_reference ON payments (reference) WHERE reference IS NOT NULL;
  CREATE TABLE sources (
    seq INTEGER PRIMARY KEY,
    print INTEGER NOT NULL,
    source TEXT
  ) STRICT;
  CREATE INDEX sources_copy ON sources (seq, print);
  DROP VIEW unsettled;
  CREATE VIEW unsettled AS
    SELECT stragglers.seq AS seq, id, amount_cents, state, accepted_at_ms, processor, requested_at_ms,
      settled_at_ms, reference
    FROM stragglers CROSS JOIN payments USING (seq) WHERE state <> 4
    UNION ALL
    SELECT seq, id, amount_cents, state, accepted_at_ms, processor, requested_at_ms, settled_at_ms,
      reference
    FROM payments WHERE state <> 4
      AND seq >= coalesce((SELECT value FROM meta WHERE key = 'recent_from_seq'), 0);
`;
