/**
 * Makes room for a processor's own code of a rejection, which programs of shops compare: the reason beside
 * it is for people. An attempt's copy is the index of all of it, and is made anew.
 */
import type { Migration } from "./migration.ts";

export const codes: Migration = {
  name: "0010-codes",
  what: "a rejection keeps its processor's own code",
  walks: ["attempts"],
  up(db) {
    db.run(SQL);
  },
};

const SQL = `
  ALTER TABLE attempts ADD COLUMN code TEXT;
  DROP INDEX attempts_copy;
  CREATE INDEX attempts_copy ON attempts (seq, at_ms, processor, outcome, reason, code);
`;
