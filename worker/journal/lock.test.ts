/** Only one worker is at a file, under any name, and no other file is taken for a journal. */
import { describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { systemClock } from "../../shared/clock.ts";
import { accept, NAMES, openInline, temporaryDirectory, temporaryFile } from "./journal.fixture.ts";
import { lockPlace } from "./lock.ts";
import { APPLICATION_ID } from "../ours.ts";
import { openJournal } from "./turn.ts";
import { run } from "../../testing/process.ts";

const mayMount =
  Bun.which("unshare") !== null &&
  (await run(["unshare", "-m", "mount", "--bind", "/tmp", "/mnt"])).code === 0;
const note = mayMount ? "" : " (skipped: nothing may be mounted here)";

async function open(path: string) {
  const warnings: string[] = [];
  const journal = await openJournal({ JOURNAL: path, JOURNAL_SYNC: "off" }, NAMES, systemClock, {
    warn: (reason) => warnings.push(reason),
  });
  return { journal, warnings, [Symbol.asyncDispose]: () => journal.close() };
}

/** Gives the reason why a journal is not opened. */
const refusal = (path: string) =>
  open(path).then(
    () => "it was opened",
    (error: Error) => error.message,
  );

const IN_USE = "a worker is using it";

test("the place of a journal is not locked while a worker is at it under another name", async () => {
  using directory = temporaryDirectory();
  const [path, other] = [directory.file(), directory.file("other.db")];
  await using worker = await open(path);
  linkSync(path, other);
  expect(worker.warnings).toEqual([]);
  expect(() => lockPlace(other)).toThrow(IN_USE);
});

describe("a journal in use is refused", () => {
  test.each([
    ["itself", (path: string) => path],
    ["another way to write its name", (path: string) => path.replace(/(.*)\//, "$1/./")],
    ["a symbolic link", symlinkSync],
    ["a hard link", linkSync],
  ])("under %s", async (_, make) => {
    using directory = temporaryDirectory();
    const [path, other] = [directory.file(), directory.file("other.db")];
    await using first = await open(path);
    expect(first.warnings).toEqual([]);
    const name = make(path, other) ?? other;
    expect(await refusal(name)).toBe(`journal ${name} cannot be opened: ${IN_USE}`);
  });

  test("through a link to its directory", async () => {
    using directory = temporaryDirectory();
    mkdirSync(directory.file("real"));
    symlinkSync(directory.file("real"), directory.file("link"));
    await using first = await open(directory.file("real/payments.db"));
    expect(first.warnings).toEqual([]);
    expect(await refusal(directory.file("link/payments.db"))).toContain(IN_USE);
  });

  test("by a worker of an earlier version", async () => {
    using directory = temporaryDirectory();
    using beside = new Database(`${directory.file()}-lock`);
    beside.run("BEGIN EXCLUSIVE");
    expect(await refusal(directory.file())).toContain(IN_USE);
  });

  test.skipIf(!mayMount)(`through another mount, by another process${note}`, async () => {
    using directory = temporaryDirectory();
    const other = directory.file("other");
    mkdirSync(other);
    mkdirSync(directory.file("real"));
    await using first = await open(directory.file("real/payments.db"));
    expect(first.warnings).toEqual([]);
    const code = `import { lockJournal } from ${JSON.stringify(`${import.meta.dir}/lock.ts`)};
      try { lockJournal(process.argv[1]); } catch (error) { console.log(error.message); }`;
    const script = 'mount --bind "$1" "$2" && exec "$3" -e "$4" "$2/payments.db"';
    const args = [directory.file("real"), other, process.execPath, code];
    const { out } = await run(["unshare", "-m", "sh", "-c", script, "sh", ...args]);
    expect(out).toBe(`journal ${other}/payments.db cannot be opened: ${IN_USE}\n`);
  });

  test("and free again when its worker has ended, however it did", async () => {
    using file = temporaryFile();
    const code = `import { lockJournal } from ${JSON.stringify(`${import.meta.dir}/lock.ts`)};
      lockJournal(process.argv[1]); process.kill(process.pid, "SIGKILL");`;
    const { signal } = await run([process.execPath, "-e", code, file.path]);
    expect(signal).toBe("SIGKILL");
    await using again = await open(file.path);
    expect(again.journal.head.nextSeq).toBe(1);
  });
});

describe("a file that is no journal is refused, and stays as it is", () => {
  test.each([
    ["text", "these are my notes\n", "it is no SQLite database"],
    ["one byte", "\0", "it is no SQLite database"],
  ])("%s", async (_, content, reason) => {
    using file = temporaryFile();
    writeFileSync(file.path, content);
    expect(await refusal(file.path)).toBe(`journal ${file.path} cannot be opened: ${reason}`);
    expect(readFileSync(file.path, "utf8")).toBe(content);
    expect(["-lock", "-wal", "-shm"].some((suffix) => existsSync(file.path + suffix))).toBe(false);
  });

  test.each([
    ["other tables", "CREATE TABLE bookmarks (url TEXT)"],
    ["some of the tables' names", "CREATE TABLE meta (a); CREATE TABLE payments (b)"],
    ["another program's mark", "PRAGMA application_id = 252006675; CREATE TABLE t (a)"],
  ])("a database with %s", async (_, sql) => {
    using file = temporaryFile();
    const db = new Database(file.path);
    db.run(sql);
    db.close();
    const before = readFileSync(file.path);
    const reason = "it is an SQLite database, but no journal";
    expect(await refusal(file.path)).toBe(`journal ${file.path} cannot be opened: ${reason}`);
    expect(readFileSync(file.path)).toEqual(before);
  });
});

test("a journal is marked as one", async () => {
  using file = temporaryFile();
  await (await open(file.path))[Symbol.asyncDispose]();
  using db = new Database(file.path);
  expect(db.query("PRAGMA application_id").values()).toEqual([[APPLICATION_ID]]);
});

describe("a journal that is not where there was one", () => {
  /** Writes a journal as a worker that was killed leaves it: with a log. */
  async function written(path: string) {
    {
      await using first = await open(path);
      expect(first.warnings).toEqual([]);
    }
    const { store } = openInline(path);
    store.apply([accept(1)]);
    return () => store.close();
  }

  test("is begun anew with a warning when all of it is gone", async () => {
    using file = temporaryFile();
    (await written(file.path))();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(file.path + suffix, { force: true });
    {
      await using again = await open(file.path);
      expect(again.warnings).toHaveLength(1);
      expect(again.warnings[0]).toStartWith(
        `journal ${file.path}: it is new and empty, where there was one before: `,
      );
      expect(again.warnings[0]).not.toContain("\n");
    }
    await using usual = await open(file.path);
    expect(usual.warnings).toEqual([]);
  });

  test("is not begun anew in a file that was emptied", async () => {
    using file = temporaryFile();
    (await written(file.path))();
    for (const suffix of ["-wal", "-shm"]) rmSync(file.path + suffix, { force: true });
    writeFileSync(file.path, "");
    expect(await refusal(file.path)).toBe(
      `journal ${file.path} cannot be opened: it is empty, and was not: ` +
        "restore a backup (docs/OPERATIONS.md#backup), or remove it to begin anew",
    );
  });

  test.each([
    ["gone", (path: string) => rmSync(path)],
    ["emptied", (path: string) => writeFileSync(path, "")],
  ])("is not begun anew over its own log when the database is %s", async (_, lose) => {
    using file = temporaryFile();
    const close = await written(file.path);
    lose(file.path);
    const log = readFileSync(`${file.path}-wal`);
    expect(log.length).toBeGreaterThan(0);
    expect(await refusal(file.path)).toBe(
      `journal ${file.path} cannot be opened: it is gone or empty, and its log ${file.path}-wal is not: ` +
        "restore a backup (docs/OPERATIONS.md#backup)",
    );
    expect(readFileSync(`${file.path}-wal`)).toEqual(log);
    close();
  });
});

test("a further name of the file is warned of: the log belongs to one of them", async () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  await (await open(path))[Symbol.asyncDispose]();
  linkSync(path, directory.file("other.db"));
  await using again = await open(path);
  expect(again.warnings).toHaveLength(1);
  expect(again.warnings[0]).toContain("(a hard link)");
});
