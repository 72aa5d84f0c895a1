/**
 * Makes room for what a payment may carry: its reference, found by an index that others are not in, and its
 * source, which is forgotten when it ends, but for a print (worker/journal/source-print.ts).
 */
import type { PostgresMigration } from "./migration.ts";

export const carried: PostgresMigration = {
  name: "0003-carried",
  what: "a payment may carry a source and a reference",
  sql: `
ALTER TABLE payments ADD COLUMN reference text;
CREATE INDEX payments_by_reference ON payments (reference) WHERE reference IS NOT NULL;
CREATE TABLE sources (id uuid PRIMARY KEY, print int NOT NULL, source text);
`,
};
