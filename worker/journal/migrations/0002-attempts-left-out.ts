/** Makes room for the number of attempts that are not kept; attempts that are too many go bit by bit. */
import type { Migration } from "./migration.ts";

export const attemptsLeftOut: Migration = {
  name: "0002-attempts-left-out",
  what: "a payment keeps its first and last attempts, and the number of the others",
  walks: [],
  up(db) {
    db.run(`CREATE TABLE IF NOT EXISTS attempts_left_out (
    seq INTEGER PRIMARY KEY,
    count INTEGER NOT NULL
  ) STRICT`);
  },
};
