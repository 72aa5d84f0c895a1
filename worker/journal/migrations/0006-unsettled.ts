/**
 * Finds payments that are not settled without an index, so that an acceptance writes none: the recent
 * ones are read one by one, older ones stand in a table (worker/journal/sqlite-unsettled.ts). Each gets
 * the sum over its row that settled ones have, in place of its copy in the index.
 */
import type { Migration } from "./migration.ts";

export const unsettled: Migration = {
  name: "0006-unsettled",
  what: "an acceptance writes no index of open payments",
  walks: ["payments"],
  up(db) {
    db.run(SQL);
  },
};

/** The index that is dropped at the end finds the payments for all that precedes. */
const SQL = `
  UPDATE payments SET sum = (seq * 3 + amount_cents * 5 + accepted_at_ms * 7 + (state - 4) * 19
    + ifnull(processor, 0) * 11 + ifnull(requested_at_ms, 0) * 13 + ifnull(settled_at_ms, 0) * 17) % 32749
    WHERE state <> 4;
  INSERT INTO meta
    SELECT 'recent_from_seq', max(0, coalesce(max(seq), 0) - 32768) FROM payments;
  CREATE TABLE stragglers (seq INTEGER PRIMARY KEY) STRICT;
  INSERT INTO stragglers SELECT seq FROM payments
    WHERE state <> 4 AND seq < (SELECT value FROM meta WHERE key = 'recent_from_seq');
  CREATE VIEW unsettled AS
    SELECT stragglers.seq AS seq, id, amount_cents, state, accepted_at_ms, processor, requested_at_ms,
      settled_at_ms
    FROM stragglers CROSS JOIN payments USING (seq) WHERE state <> 4
    UNION ALL
    SELECT seq, id, amount_cents, state, accepted_at_ms, processor, requested_at_ms, settled_at_ms
    FROM payments WHERE state <> 4
      AND seq >= coalesce((SELECT value FROM meta WHERE key = 'recent_from_seq'), 0);
  DROP INDEX open_payments_copy;
`;
