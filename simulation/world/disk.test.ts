import { expect, test } from "bun:test";
import { Disk } from "./disk.ts";

/** Everything that a query could find, and what a connection remembers. */
function contentsOf({ db }: Disk) {
  const tables = db.query("SELECT name FROM sqlite_schema WHERE type = 'table'").values().flat();
  const rows = tables.map((table) => [table, db.query(`SELECT * FROM ${table}`).values()]);
  const settings = ["synchronous", "user_version", "foreign_keys"].map((name) => [
    name,
    db.query(`PRAGMA ${name}`).values(),
  ]);
  return { schema: db.query("SELECT * FROM sqlite_schema").values().length, rows, settings };
}

test("what one world leaves to the next is as good as new", () => {
  const fresh = contentsOf(new Disk());
  const used = new Disk();
  used.db.run("INSERT INTO processors VALUES (0, 'default', 'http://default')");
  used.db.run("INSERT INTO payments VALUES (1, x'01', 5, 0, 0, 0, 0, NULL, NULL, NULL)");
  used.db.run("INSERT INTO attempts VALUES (1, 0, 0, 'unknown', 'timeout')");
  used.db.run("INSERT INTO tariffs (processor, from_ms) VALUES (0, 0)");
  used.db.run("INSERT OR REPLACE INTO meta VALUES ('epoch', 7), ('recent_from_seq', 9)");
  used.db.run("PRAGMA synchronous = OFF");
  expect(contentsOf(used)).not.toEqual(fresh);
  const { db } = used;
  used.handOn();

  const next = new Disk();
  expect(next.db).toBe(db);
  expect(contentsOf(next)).toEqual(fresh);
  next.db.run("INSERT INTO attempts VALUES (1, 0, 0, 'unknown', 'timeout')");
  expect(next.db.query("SELECT rowid FROM attempts").values()).toEqual([[1]]);
});
