/** A copy takes the journal's place in one step, and only where no payment can be lost by it. */
import { Database } from "bun:sqlite";
import { beforeAll, afterAll, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { systemClock } from "../../shared/clock.ts";
import { backUp } from "./backup.ts";
import {
  accept,
  assigned,
  AT_MS,
  NAMES,
  openInline,
  settle,
  temporaryDirectory,
  temporaryFile,
  uuid,
} from "./journal.fixture.ts";
import { partialOf } from "./draft.ts";
import { putBack } from "./put-back.ts";
import { openJournal } from "./turn.ts";
import { troubleNote } from "./trouble-note.ts";

const [BACKUP_MS, NOW_MS] = [AT_MS + 5_000, Date.UTC(2025, 6, 2, 3, 4, 5)];
const STAMP = "before-20250702T030405Z";
const settings = (path: string) => ({ JOURNAL: path, JOURNAL_SYNC: "off" }) as const;
const ignore = () => {};

/** Folder with the copy that all tests put back. */
const source = temporaryDirectory();
const copy = source.file("copy.db");
beforeAll(async () => {
  await using opened = openInline(source.file());
  await opened.apply(assigned(1), accept(2));
  await opened.apply(settle(1, 0));
  await backUp({ from: source.file(), to: copy, nowMs: BACKUP_MS }, ignore);
});
afterAll(() => source[Symbol.dispose]());

/** Opens it as a worker does, and gives what it finds. */
async function found(path: string) {
  const warnings: string[] = [];
  const warn = (reason: string) => warnings.push(reason);
  const journal = await openJournal(settings(path), NAMES, systemClock, { warn });
  const open = (await journal.open()).map(({ correlationId }) => correlationId);
  const { nextRow } = journal.head;
  await journal.close();
  return { open, nextRow, warnings };
}

/** Begins another journal in its place, with one payment, and closes it. */
async function begin(path: string): Promise<void> {
  await using opened = openInline(path);
  await opened.apply(accept(9));
  // A worker leaves no log when it ends; what is closed in this process may.
  opened.db.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

const mark = (path: string) => {
  using db = new Database(path, { readonly: true });
  const keys = "'backup_at_ms', 'restored_at_ms', 'running'";
  const sql = `SELECT key, value FROM meta WHERE key IN (${keys})`;
  return Object.fromEntries(db.query(sql).values() as [string, number][]);
};

test("a copy becomes a journal where there was none, and says so", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("new/payments.db");
  const put = putBack(copy, path, NOW_MS, ignore);
  expect(put).toEqual({
    payments: 2,
    open: 1,
    newestAtMs: AT_MS + 2,
    backupAtMs: BACKUP_MS,
    aside: null,
  });
  expect(mark(path)).toEqual({ backup_at_ms: BACKUP_MS, restored_at_ms: NOW_MS });
  expect(await found(path)).toEqual({ open: [uuid(2)], nextRow: 1, warnings: [] });
  expect(mark(copy)).toEqual({ backup_at_ms: BACKUP_MS });
});

test("the old journal and its note of trouble are moved aside, whole", async () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  await begin(path);
  const old = readFileSync(path);
  writeFileSync(troubleNote(path), "a disk\n");
  writeFileSync(`${path}-wal`, "");
  writeFileSync(`${path}-shm`, "");
  const aside = `${path}-${STAMP}`;
  expect(putBack(copy, path, NOW_MS, ignore).aside).toBe(aside);
  expect(readFileSync(aside).equals(old)).toBe(true);
  const asides = readdirSync(directory.path).filter((name) => name.includes(STAMP));
  expect(asides.map((name) => directory.file(name)).sort()).toEqual(
    ["", "-shm", "-trouble", "-wal"].map((end) => `${aside}${end}`),
  );
  expect(await found(path)).toEqual({ open: [uuid(2)], nextRow: 1, warnings: [] });
  expect((await found(aside)).open).toEqual([uuid(9)]);
});

test("a journal that a link leads to is replaced where it is", async () => {
  using directory = temporaryDirectory();
  const [path, link] = [directory.file(), directory.file("link.db")];
  await begin(path);
  symlinkSync(path, link);
  putBack(copy, link, NOW_MS, ignore);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(mark(path)).toHaveProperty("restored_at_ms", NOW_MS);
});

test("a copy that somebody has put in place by hand is known for one, until it is trusted", async () => {
  using file = temporaryFile();
  copyFileSync(copy, file.path);
  const restoredAtMs = async () => {
    await using opened = openInline(file.path);
    return opened.journal.head.restoredAtMs;
  };
  const firstMs = await restoredAtMs();
  expect(firstMs).toBeGreaterThan(BACKUP_MS);
  expect(await restoredAtMs()).toBe(firstMs);
  {
    await using opened = openInline(file.path);
    const intervention = { atMs: NOW_MS, who: "ana", action: "trust", why: "", evidence: null };
    await opened.apply({ kind: "trust", intervention });
  }
  expect(await restoredAtMs()).toBeNull();
});

describe("nothing is changed", () => {
  const refused = (path: string, from: string, reason: string) => {
    const folder = path.slice(0, path.lastIndexOf("/"));
    const before = readdirSync(folder).sort();
    const bytes = readFileSync(path);
    expect(() => putBack(from, path, NOW_MS, ignore)).toThrow(reason);
    expect(readdirSync(folder).sort()).toEqual(before);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  };

  test("while a worker is at the journal", async () => {
    using file = temporaryFile();
    const journal = await openJournal(settings(file.path), NAMES, systemClock);
    try {
      expect(() => putBack(copy, file.path, NOW_MS, ignore)).toThrow("a worker is using it");
      expect(existsSync(partialOf(file.path))).toBe(false);
    } finally {
      await journal.close();
    }
    expect(mark(file.path)).toEqual({});
  });

  test("while its log is there", async () => {
    using file = temporaryFile();
    await begin(file.path);
    writeFileSync(`${file.path}-lock`, "");
    writeFileSync(`${file.path}-wal`, "payments");
    refused(file.path, copy, `${file.path}-wal is there, with payments that no copy has`);
  });

  test.each<[string, string, (file: string) => void]>([
    ["one byte is another", "the copy is damaged: ", (file) => flip(file)],
    ["it is cut short", "the copy is damaged: ", (file) => truncate(file)],
    [
      "it is no database",
      "the copy is damaged: ",
      (file) => writeFileSync(file, "a text".repeat(999)),
    ],
    ["it is empty", "it is empty", (file) => writeFileSync(file, "")],
    ["it is somebody's", "but no journal", (file) => other(file)],
    ["it is a later format's", "it is of format 99", (file) => later(file)],
    ["it has a log", "it is no finished copy", (file) => writeFileSync(`${file}-wal`, "some")],
  ])("by a copy of which %s", async (_, reason, spoil) => {
    using directory = temporaryDirectory();
    const [path, from] = [directory.file(), directory.file("from.db")];
    await begin(path);
    writeFileSync(`${path}-lock`, "");
    copyFileSync(copy, from);
    spoil(from);
    refused(path, from, reason);
  });

  test("by a link to a copy that has a log", async () => {
    using directory = temporaryDirectory();
    const [path, from, link] = [
      directory.file(),
      directory.file("from.db"),
      directory.file("link"),
    ];
    await begin(path);
    writeFileSync(`${path}-lock`, "");
    copyFileSync(copy, from);
    writeFileSync(`${from}-wal`, "some");
    symlinkSync(from, link);
    refused(path, link, "it is no finished copy");
  });

  test("when it is the journal itself, or is not there", async () => {
    using directory = temporaryDirectory();
    const path = directory.file();
    await begin(path);
    writeFileSync(`${path}-lock`, "");
    refused(path, path, "it is the journal itself");
    refused(path, directory.file("gone.db"), "there is no such file");
  });
});

function later(file: string): void {
  using db = new Database(file);
  db.run("PRAGMA user_version = 99");
  db.run("UPDATE meta SET value = 99 WHERE key = 'schema'");
}

function flip(file: string): void {
  const bytes = readFileSync(file);
  // The amount of a payment, 1990 cents, where it stands first.
  bytes[bytes.indexOf(Buffer.from([0x07, 0xc6]))]! ^= 1;
  writeFileSync(file, bytes);
}

function truncate(file: string): void {
  writeFileSync(file, readFileSync(file).subarray(0, -2048));
}

function other(file: string): void {
  writeFileSync(file, "");
  using db = new Database(file);
  db.run("CREATE TABLE other (n)");
}
