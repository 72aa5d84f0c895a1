/**
 * The tables of the first journals, and the number in the header that says whose file it is. A new
 * journal begins here as well. Of the first ones some have no blocks, interventions or modes.
 */
import { APPLICATION_ID } from "../../ours.ts";
import type { Migration } from "./migration.ts";

export const tables: Migration = {
  name: "0001-tables",
  what: "every table is there, and the file says that it is a journal",
  walks: [],
  up(db) {
    db.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.run(SQL);
  },
};

const SQL = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS processors (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE IF NOT EXISTS payments (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
    state INTEGER NOT NULL,
    accepted_at_ms INTEGER NOT NULL,
    processor INTEGER REFERENCES processors,
    requested_at_ms INTEGER,
    settled_at_ms INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS ledger (
    row INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    processor INTEGER NOT NULL,
    requested_at_ms INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS blocks (
    block INTEGER NOT NULL,
    processor INTEGER NOT NULL,
    min_ms INTEGER NOT NULL,
    max_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    PRIMARY KEY (block, processor)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS attempts (
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    processor INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS attempts_of_payment ON attempts (seq);
  CREATE TABLE IF NOT EXISTS interventions (
    seq INTEGER,
    processor INTEGER,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    why TEXT NOT NULL,
    evidence TEXT
  ) STRICT;
  CREATE TABLE IF NOT EXISTS processor_modes (
    processor INTEGER PRIMARY KEY REFERENCES processors,
    mode TEXT NOT NULL CHECK (mode IN ('drained', 'forced'))
  ) STRICT;
`;
