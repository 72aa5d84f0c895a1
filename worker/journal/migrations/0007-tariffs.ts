/** Makes room for the tariffs that payments were charged under; the next start writes the first ones. */
import type { Migration } from "./migration.ts";

export const tariffs: Migration = {
  name: "0007-tariffs",
  what: "a payment costs what its processor charged when it was sent",
  walks: [],
  up(db) {
    db.run(SQL);
  },
};

const SQL = `
  CREATE TABLE tariffs (
    number INTEGER PRIMARY KEY,
    processor INTEGER NOT NULL REFERENCES processors,
    from_ms INTEGER NOT NULL,
    terms TEXT
  ) STRICT;
  CREATE INDEX tariffs_copy ON tariffs (number, processor, from_ms, terms);
`;
