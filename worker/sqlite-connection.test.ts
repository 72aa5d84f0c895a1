/** A connection that is closed holds neither a file nor a lock, whatever statements it had prepared. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { temporaryDirectory } from "../testing/temporary.ts";
import { Child } from "../testing/process.ts";
import { SqliteEndings } from "./events/sqlite-endings.ts";
import { openToRead } from "./format.ts";
import { copyBytesOf } from "./journal/backup.ts";
import { accept, AT_MS, NAMES } from "./journal/journal.fixture.ts";
import { SqliteReader } from "./journal/sqlite-reader.ts";
import { SqliteStore } from "./journal/store.ts";
import { SqliteConnection } from "./sqlite-connection.ts";
import { SqliteSource } from "./webhooks/sqlite-source.ts";

function storeAt(path: string): SqliteStore {
  const store = new SqliteStore(path, "off", NAMES, AT_MS);
  store.apply([accept(1)]);
  return store;
}

/** Counts this process's descriptors of a journal and of the files beside it. */
function descriptorsOf(path: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path);
    } catch {
      return false;
    }
  }).length;
}

test("a journal that is closed has all of its log in the file", () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  storeAt(path).close();
  expect(existsSync(`${path}-wal`)).toBe(false);
  expect(descriptorsOf(path)).toBe(0);
});

test.each([
  ["questions", (path: string) => new SqliteReader(openToRead(path))],
  ["events", (path: string) => new SqliteEndings(openToRead(path))],
  ["webhooks", (path: string) => new SqliteSource(openToRead(path))],
])("a reader for %s that is closed has no file open", async (_, open) => {
  using directory = temporaryDirectory();
  const path = directory.file();
  storeAt(path).close();
  const reader = open(path);
  expect(descriptorsOf(path)).toBeGreaterThan(0);
  await reader.close();
  expect(descriptorsOf(path)).toBe(0);
});

test("a process that has closed its reader makes no checkpoint at its end", async () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  const store = storeAt(path);
  store.checkpoint();
  await using child = new Child({
    command: ["bun", "worker.ts", "export"],
    env: { ...process.env, JOURNAL: `sqlite:${path}` },
  });
  child.start();
  const { code } = await child.ended;
  expect(code).toBe(0);
  // A checkpoint of all pages would have cut off the log.
  expect(Bun.file(`${path}-wal`).size).toBeGreaterThan(0);
  store.close();
});

test("whoever opens a file waits for one that is just being closed", async () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  storeAt(path).close();
  // A last connection does so while it copies the log into the file.
  const code = `
    import { Database } from "bun:sqlite";
    const db = new Database(${JSON.stringify(path)});
    db.run("PRAGMA locking_mode = EXCLUSIVE");
    db.run("BEGIN EXCLUSIVE");
    console.log("ready");
    await Bun.sleep(300);
    db.close(true);`;
  await using child = new Child({
    command: ["bun", "-e", code],
    isReady: (line) => line === "ready",
  });
  await child.startAndWait();
  expect(copyBytesOf(path)).toBeGreaterThan(0);
  using db = new SqliteConnection(path, { readonly: true }, 0);
  expect(db.query("SELECT count(*) FROM payments").values()).toEqual([[1]]);
});
