/**
 * Gives the codes of rejections a table of their own: a payment is rejected once at most, by its last
 * attempt, and programs of operators read and write `attempts` by the places of its five columns. Codes of
 * other attempts, which nothing reads, are not kept.
 */
import type { Migration } from "./migration.ts";

export const codesApart: Migration = {
  name: "0011-codes-apart",
  what: "codes of rejections have a table of their own, and attempts their five columns again",
  walks: ["attempts", "attempts", "attempts"],
  up(db) {
    db.run(SQL);
  },
};

const SQL = `
  CREATE TABLE codes (
    seq INTEGER PRIMARY KEY,
    code TEXT NOT NULL
  ) STRICT;
  INSERT INTO codes SELECT seq, code FROM attempts AS ended CROSS JOIN payments USING (seq)
    WHERE code IS NOT NULL AND state = 5 AND NOT EXISTS
      (SELECT 1 FROM attempts AS later WHERE later.seq = ended.seq AND later.rowid > ended.rowid);
  CREATE INDEX codes_copy ON codes (seq, code);
  DROP INDEX attempts_copy;
  ALTER TABLE attempts DROP COLUMN code;
  CREATE INDEX attempts_copy ON attempts (seq, at_ms, processor, outcome, reason);
`;
