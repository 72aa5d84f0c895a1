/**
 * Makes room for how far webhooks have come and for those that failed, as for a file
 * (worker/journal/migrations/), and finds payments that ended otherwise than by being settled in the order
 * in which they did.
 */
import type { PostgresMigration } from "./migration.ts";

export const webhooks: PostgresMigration = {
  name: "0004-webhooks",
  what: "webhooks are delivered at least once, however often a worker is killed",
  sql: `
CREATE TABLE webhooks (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  cursor text NOT NULL,
  target text NOT NULL,
  ended_at_ms bigint) WITH (fillfactor = 10);

CREATE TABLE deliveries (
  id text PRIMARY KEY,
  payment uuid NOT NULL,
  type text NOT NULL,
  ended_at_ms bigint NOT NULL,
  body text NOT NULL,
  state text NOT NULL CHECK (state IN ('retrying', 'given up')),
  tries int NOT NULL,
  first_at_ms bigint NOT NULL,
  next_at_ms bigint NOT NULL,
  reason text NOT NULL);

CREATE INDEX ending_attempts ON attempts (nth) WHERE outcome IN ('rejected', 'conflict');
`,
};
