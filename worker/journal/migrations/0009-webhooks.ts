/** Makes room for how far webhooks have come, and for those that failed (worker/webhooks/deliveries.ts). */
import type { Migration } from "./migration.ts";

export const webhooks: Migration = {
  name: "0009-webhooks",
  what: "webhooks are delivered at least once, however often a worker is killed",
  walks: [],
  up(db) {
    db.run(SQL);
  },
};

const SQL = `
  CREATE TABLE webhooks (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    cursor TEXT NOT NULL,
    target TEXT NOT NULL,
    ended_at_ms INTEGER
  ) STRICT;
  CREATE INDEX webhooks_copy ON webhooks (one, cursor, target, ended_at_ms);
  CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    payment TEXT NOT NULL,
    type TEXT NOT NULL,
    ended_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('retrying', 'given up')),
    tries INTEGER NOT NULL,
    first_at_ms INTEGER NOT NULL,
    next_at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX deliveries_copy ON deliveries
    (id, payment, type, ended_at_ms, body, state, tries, first_at_ms, next_at_ms, reason);
`;
