/**
 * Counts the cents of all that was accepted in a stream since the last purge, so that no sum over streams is
 * ever past what is exact: each has an equal part of that. What there is belongs to all alike, and so is
 * spread over them.
 */
import type { PostgresMigration } from "./migration.ts";

export const cents: PostgresMigration = {
  name: "0009-cents",
  what: "sums over all workers are exact",
  sql: `
ALTER TABLE streams ADD COLUMN cents bigint NOT NULL DEFAULT 0;
UPDATE streams SET cents = ceil((
    (SELECT coalesce(sum(amount_cents), 0) FROM ledger l JOIN streams t ON t.stream = l.stream AND l.row >= t.base) +
    (SELECT coalesce(sum(amount_cents), 0) FROM payments WHERE state <> 4)) / 64);
`,
};
