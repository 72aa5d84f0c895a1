import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { temporaryDirectory, temporaryFile } from "../../testing/temporary.ts";
import { FORMAT } from "../../worker/format.ts";
import { settledJournal } from "../../worker/audit/books.fixture.ts";
import { accept, assigned, AT_MS } from "../../worker/journal/journal.fixture.ts";
import { SqliteStore } from "../../worker/journal/store.ts";
import { judgeAddresses } from "./addresses.ts";
import { growthPerDay, judgeJournal } from "./journal.ts";

const ROWS = 2_000;
const DAY_MS = 86_400_000;

/** Makes a whole journal that nobody has open, this process included. */
function makeJournal(path: string): void {
  settledJournal(`${path}.made`, ROWS);
  using db = new Database(`${path}.made`);
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  copyFileSync(`${path}.made`, path);
}

/** Makes a journal with a log that was never put into it: nearly the whole of it is in its log. */
function copyLogOfAnother(path: string, other: string): void {
  const store = new SqliteStore(other, "off", ["default"], AT_MS);
  store.apply([accept(1), accept(2), assigned(3)]);
  copyFileSync(`${other}-wal`, `${path}-wal`);
  store.close();
}

test("a journal is whole, with its own log or without; a new one is nobody's trouble", () => {
  using file = temporaryFile();
  expect(judgeJournal(file.path)).toEqual([]);
  makeJournal(file.path);
  expect(judgeJournal(file.path)).toMatchObject([{ name: "journal", verdict: "ok" }]);
});

/** Puts the log of other changes beside it, as somebody does who copies a backup back. */
function copyLaterLog(path: string, other: string): void {
  settledJournal(other, ROWS / 2);
  const db = new Database(other);
  db.run("PRAGMA wal_autocheckpoint = 0");
  db.run("DELETE FROM ledger WHERE row % 2 = 0");
  copyFileSync(`${other}-wal`, `${path}-wal`);
  db.close();
}

/** Makes the log of a database that is no journal at all. */
function copyLogOfStranger(path: string, other: string): void {
  const db = new Database(other);
  db.run("PRAGMA journal_mode = WAL");
  db.run("CREATE TABLE songs (title TEXT)");
  copyFileSync(`${other}-wal`, `${path}-wal`);
  db.close();
}

test.each([
  [copyLogOfStranger, "is damaged with it"],
  [copyLogOfAnother, "has other payments with it"],
  [copyLaterLog, "is damaged with it"],
])("a log that does not belong to its database is told from damage: %p", (copyLog, becomes) => {
  using directory = temporaryDirectory();
  const path = directory.file();
  makeJournal(path);
  copyLog(path, directory.file("other.db"));
  const { size } = Bun.file(`${path}-wal`);
  expect(judgeJournal(path)).toMatchObject([
    {
      name: "journal's log",
      verdict: "wrong",
      figure: expect.stringContaining(`the file is whole without it and ${becomes}`),
      fix: expect.stringContaining(`mv ${path}-wal `),
    },
  ]);
  // It was only looked at.
  expect(Bun.file(`${path}-wal`).size).toBe(size);
  rmSync(`${path}-wal`);
  rmSync(`${path}-shm`, { force: true });
  expect(judgeJournal(path)).toMatchObject([{ name: "journal", verdict: "ok" }]);
});

test("a log of its own is no trouble, and damage is damage", () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  makeJournal(path);
  const store = new SqliteStore(path, "off", ["default"], AT_MS);
  store.apply([accept(ROWS + 1)]);
  expect(judgeJournal(path)).toMatchObject([
    { verdict: "ok", figure: expect.stringContaining("and so is its log") },
  ]);
  store.close();
  const hurt = directory.file("hurt.db");
  makeJournal(hurt);
  using db = new Database(hurt);
  db.run("PRAGMA journal_mode = DELETE");
  db.run("UPDATE payments SET amount_cents = amount_cents + 1 WHERE seq = 7");
  expect(judgeJournal(hurt)).toMatchObject([{ name: "journal", verdict: "wrong" }]);
});

test("a journal of a newer format is not called whole: nothing here can look through it", () => {
  using file = temporaryFile();
  makeJournal(file.path);
  const db = new Database(file.path);
  db.run(`PRAGMA user_version = ${FORMAT + 1}`);
  db.close();
  expect(judgeJournal(file.path)).toEqual([]);
  expect(judgeAddresses(file.path, []).findings).toMatchObject([
    { name: "journal", verdict: "wrong", figure: expect.stringContaining(`format ${FORMAT + 1}`) },
  ]);
});

test("a log without its database, and the note of a worker that ended, are said", () => {
  using file = temporaryFile();
  writeFileSync(`${file.path}-wal`, "something");
  expect(judgeJournal(file.path)).toMatchObject([
    { name: "journal's log", verdict: "wrong", figure: expect.stringContaining("gone or empty") },
  ]);
  rmSync(`${file.path}-wal`);
  makeJournal(file.path);
  writeFileSync(`${file.path}-trouble`, "it was cut short\n");
  expect(judgeJournal(file.path)).toMatchObject([
    { name: "journal", figure: "the last worker ended: it was cut short" },
  ]);
});

test("a day's growth is that of the last day, and of less for a journal that is younger", () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  expect(growthPerDay(path, AT_MS)).toBeNull();
  expect(existsSync(path)).toBe(false);
  makeJournal(path);
  const whole = Bun.file(path).size;
  using db = new Database(path);
  const from = (fraction: number, atMs: number) =>
    db.run(`UPDATE payments SET accepted_at_ms = ${atMs} WHERE seq > ${ROWS * fraction}`);
  from(0, AT_MS - 10 * DAY_MS);
  from(0.75, AT_MS - DAY_MS / 2);
  expect(growthPerDay(path, AT_MS)! / whole).toBeCloseTo(0.25, 1);
  from(0, AT_MS - DAY_MS / 4);
  expect(growthPerDay(path, AT_MS)! / whole).toBeCloseTo(4, 1);
});
