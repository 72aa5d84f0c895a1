import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { systemClock } from "../../shared/clock.ts";
import { accept, AT_MS, NAMES, temporaryDirectory } from "./journal.fixture.ts";
import { InlineJournal } from "./inline.ts";
import { openDatabase, SqliteStore } from "./store.ts";

function begin(path: string) {
  const db = openDatabase(path, "off");
  const store = new SqliteStore(path, "off", NAMES, AT_MS, db);
  return { store, journal: new InlineJournal(store, systemClock) };
}

test("a broken invariant of the store is thrown, not tried again for ever", () => {
  using directory = temporaryDirectory();
  const { store, journal } = begin(directory.file());
  store.apply = () => {
    throw new TypeError("a broken invariant");
  };
  journal.append(accept(1), () => {});
  expect(() => journal.commit(0)).toThrow("a broken invariant");
});

test("what the database cannot do now is trouble, and tried again", () => {
  using directory = temporaryDirectory();
  const { journal } = begin(directory.file());
  const other = new Database(directory.file());
  other.run("BEGIN IMMEDIATE");
  let stored: unknown = "not answered";
  journal.append(accept(1), (result) => (stored = result));
  journal.commit(0);
  expect([stored, journal.trouble]).toEqual([null, "database is locked"]);
  other.run("ROLLBACK");
  other.close();
});
