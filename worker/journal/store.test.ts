/** The file of SQLite, its damage and its levels of safety. The contract is journal.test.ts. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { systemClock } from "../../shared/clock.ts";
import type { Transition } from "../transitions.ts";
import { GROUP_COMMIT_DEFAULTS } from "./group-commit.ts";
import {
  accept,
  assigned,
  AT_MS,
  failed,
  NAMES,
  openInline,
  settle,
  temporaryDirectory,
  temporaryFile,
  uuid,
} from "./journal.fixture.ts";
import { CACHE_BYTES, openDatabase, PAGE_BYTES, SqliteStore, type JournalSync } from "./store.ts";
import { openJournal } from "./turn.ts";

/** Numbers of the levels in SQLite. */
const SYNCHRONOUS = { off: 0, normal: 1, full: 2 };

function open(path: string, sync: JournalSync = "off"): SqliteStore {
  return new SqliteStore(path, sync, NAMES, AT_MS);
}

function reasonOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing was wrong";
}

/** Writes a journal with so many payments, closed and all in one file. */
function write(path: string, payments: number): void {
  const store = open(path);
  store.apply(Array.from({ length: payments }, (_, n) => assigned(n + 1)));
  store.apply(Array.from({ length: payments }, (_, n) => settle(n + 1, n)));
  store.checkpoint();
  store.close();
}

function overwrite(path: string, at: number, bytes: number): void {
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(bytes, 0xa5), 0, bytes, at);
  closeSync(file);
}

test("a start is on the disk before anything else, whatever the level of the rest", () => {
  using directory = temporaryDirectory();
  for (const sync of ["full", "normal", "off"] as const) {
    const path = directory.file(`${sync}.db`);
    open(path, sync).close();
    const db = openDatabase(path, sync);
    db.run("CREATE TEMP TABLE levels (level INTEGER)");
    db.run(`CREATE TEMP TRIGGER noted AFTER INSERT ON main.meta WHEN new.key = 'epoch'
      BEGIN INSERT INTO levels SELECT synchronous FROM pragma_synchronous; END`);
    const store = new SqliteStore(path, sync, NAMES, AT_MS, db);
    expect(db.query("SELECT level FROM levels").values()).toEqual([[SYNCHRONOUS.full]]);
    expect(db.query("PRAGMA synchronous").values()).toEqual([[SYNCHRONOUS[sync]]]);
    store.close();
  }
});

test("a new journal has small pages, another one keeps those that it was made with", () => {
  using directory = temporaryDirectory();
  const [fresh, older] = [directory.file("fresh.db"), directory.file("older.db")];
  const made = new Database(older, { create: true });
  made.run("PRAGMA page_size = 4096");
  made.run("PRAGMA journal_mode = WAL");
  made.close();
  for (const [path, bytes] of [
    [fresh, PAGE_BYTES],
    [older, 4096],
  ] as const) {
    write(path, 10);
    using db = new Database(path);
    expect(db.query("PRAGMA page_size").get()).toEqual({ page_size: bytes });
    const again = open(path);
    expect(again.head.nextSeq).toBe(11);
    again.close();
  }
});

test("at work the cache holds what the largest commit writes, and no more than a few of them", () => {
  using file = temporaryFile();
  const db = openDatabase(file.path, "off");
  const store = new SqliteStore(file.path, "off", NAMES, AT_MS, db);
  const batchFrom = (seq: number) =>
    Array.from({ length: GROUP_COMMIT_DEFAULTS.batchMax }, (_, n) =>
      assigned(seq + n, 0, { correlationId: crypto.randomUUID() }),
    );
  // Nearly every id meets a page of its own from here on.
  for (let batch = 0; batch < 60; batch++)
    store.apply(batchFrom(1 + batch * GROUP_COMMIT_DEFAULTS.batchMax));
  store.checkpointAll();
  const settled = Array.from({ length: GROUP_COMMIT_DEFAULTS.batchMax }, (_, n) =>
    settle(1 + n * 60, n),
  );
  for (const batch of [batchFrom(1 + 60 * GROUP_COMMIT_DEFAULTS.batchMax), settled]) {
    store.checkpointAll();
    store.apply(batch);
    const [[cacheKiB] = [0]] = db.query("PRAGMA cache_size").values() as [[number]];
    expect(cacheKiB * -1024).toBe(CACHE_BYTES);
    const pages = db.query("PRAGMA wal_checkpoint(PASSIVE)").get() as { log: number };
    expect(pages.log).toBeGreaterThan(300);
    expect(pages.log * PAGE_BYTES).toBeLessThan(CACHE_BYTES * 0.75);
    expect(pages.log * PAGE_BYTES).toBeGreaterThan(CACHE_BYTES / 16);
  }
  store.close();
});

test("a source is nowhere in the file once its payment has ended, however its rows lay there", () => {
  using file = temporaryFile();
  const store = open(file.path);
  const seqs = Array.from({ length: 300 }, (_, n) => n + 1);
  const source = (seq: number) => `tok_${"x".repeat((seq * 7) % 200)}_${seq}_`;
  for (const seq of seqs) store.apply([assigned(seq, 0, { source: source(seq) })]);
  const there = () => {
    expect(store.checkpointAll()).toBe(true);
    const bytes = readFileSync(file.path);
    return seqs.filter((seq) => bytes.includes(source(seq))).length;
  };
  expect(there()).toBe(seqs.length);
  const ending = seqs.slice(1).toSorted((a, b) => (a % 7) - (b % 7));
  for (const [row, seq] of ending.entries()) store.apply([settle(seq, row, { hasSource: true })]);
  expect(there()).toBe(1);
  store.close();
});

describe("a journal is refused with one line that names it when", () => {
  test.each([1, 2, 10, 30, 90])("page %d of it is overwritten", (page) => {
    using file = temporaryFile();
    write(file.path, 2_000);
    expect(statSync(file.path).size).toBeGreaterThan(91 * PAGE_BYTES);
    overwrite(file.path, page * PAGE_BYTES, PAGE_BYTES);
    const reason = reasonOf(() => open(file.path));
    expect(reason).toStartWith(`journal ${file.path}: it is damaged: `);
    expect(reason).not.toContain("\n");
  });

  test("its first page is overwritten", () => {
    using file = temporaryFile();
    write(file.path, 10);
    overwrite(file.path, 0, PAGE_BYTES);
    expect(reasonOf(() => open(file.path))).toMatch(
      /^journal \S+:? (cannot be opened|it is damaged): [^\n]+$/,
    );
  });

  test("it is cut short", () => {
    using file = temporaryFile();
    write(file.path, 2_000);
    const whole = readFileSync(file.path);
    writeFileSync(file.path, whole.subarray(0, 40 * PAGE_BYTES));
    expect(reasonOf(() => open(file.path))).toMatch(
      /^journal \S+(?: cannot be opened)?: it is damaged: [^\n]+$/,
    );
  });

  test("it is no database", () => {
    using directory = temporaryDirectory();
    const path = directory.file("notes.txt");
    writeFileSync(path, "these are my notes, please do not write over them\n".repeat(100));
    const reason = reasonOf(() => open(path));
    expect(reason).toMatch(/^journal \S+ cannot be opened: [^\n]+$/);
    expect(readFileSync(path, "utf8")).toStartWith("these are my notes");
  });

  test("it is a directory", () => {
    using directory = temporaryDirectory();
    expect(reasonOf(() => open(directory.path))).toMatch(/^journal \S+ cannot be opened: [^\n]+$/);
  });

  test("a file stands where its directory should", () => {
    using directory = temporaryDirectory();
    writeFileSync(directory.file("data"), "");
    expect(reasonOf(() => open(directory.file("data/payments.db")))).toMatch(
      /^journal \S+ cannot be opened: [^\n]+$/,
    );
  });

  test("it is a database of somebody else's", () => {
    using file = temporaryFile();
    const db = new Database(file.path);
    db.run("CREATE TABLE payments (id TEXT, price REAL)");
    db.close();
    const before = readFileSync(file.path);
    expect(reasonOf(() => open(file.path))).toBe(
      `journal ${file.path} cannot be opened: it is an SQLite database, but no journal`,
    );
    expect(readFileSync(file.path)).toEqual(before);
  });

  test("it cannot be written", () => {
    using file = temporaryFile();
    write(file.path, 1);
    chmodSync(file.path, 0o400);
    // To root nothing is unwritable but the kernel's own files.
    const unwritable = ["/proc/payments.db", "/proc/some/where/payments.db"];
    if (process.getuid?.() !== 0) unwritable.push(file.path);
    for (const each of unwritable) {
      expect(reasonOf(() => open(each))).toMatch(/^journal \S+ cannot be opened: [^\n]+$/);
    }
  });
});

describe("a journal is begun", () => {
  test("in a directory that is not there yet", () => {
    using directory = temporaryDirectory();
    const path = directory.file("some/where/payments.db");
    open(path).close();
    expect(statSync(path).size).toBeGreaterThan(0);
  });

  test("in a file of no length", () => {
    using directory = temporaryDirectory();
    writeFileSync(directory.file(), "");
    const store = open(directory.file());
    expect(store.head).toMatchObject({ nextSeq: 1, baseRow: 0, nextRow: 0 });
    expect(store.apply([accept(1)])).toEqual([{ kind: "done" }]);
    store.close();
  });

  test("with what the last commit left in the log", () => {
    using directory = temporaryDirectory();
    const [from, to] = [directory.file("a.db"), directory.file("b.db")];
    const store = open(from);
    store.apply([assigned(1), settle(1, 0), accept(2)]);
    // The copy is as a crash leaves it: nothing was checkpointed, nothing was closed.
    for (const suffix of ["", "-wal"]) {
      writeFileSync(to + suffix, readFileSync(from + suffix));
    }
    store.close();
    const after = open(to);
    expect(after.head).toMatchObject({ nextSeq: 3, nextRow: 1 });
    expect([...after.open()].map(({ correlationId }) => correlationId)).toEqual([uuid(2)]);
    after.close();
  });
});

test.each([
  ["off", 0],
  ["normal", 1],
  ["full", 2],
] as const)("JOURNAL_SYNC=%s is what SQLite works with", (sync, level) => {
  using directory = temporaryDirectory();
  const { store, db } = openInline(directory.file(), NAMES, sync);
  const pragma = (name: string) => Object.values(db.query(`PRAGMA ${name}`).get() as object)[0];
  expect(pragma("synchronous")).toBe(level);
  expect(pragma("journal_mode")).toBe("wal");
  expect(pragma("wal_autocheckpoint")).toBe(0);
  expect(pragma("busy_timeout") as number).toBeGreaterThan(0);
  store.close();
});

describe("a commit that fails", () => {
  /** Opens a journal whose disk is full from now on: SQLite may not add another page. */
  function fullDisk() {
    const { store, db, journal, apply } = openInline(":memory:");
    store.apply([assigned(1), assigned(2), accept(3)]);
    const pages = () => (db.query("PRAGMA page_count").get() as { page_count: number }).page_count;
    const limit = (max: number) => db.run(`PRAGMA max_page_count = ${max}`);
    limit(pages());
    return { store, db, journal, apply, makeRoom: () => limit(1_000_000) };
  }
  const many = Array.from({ length: 2_000 }, (_, n) => accept(100 + n));

  test("leaves nothing of its batch behind", () => {
    const { store, db, makeRoom } = fullDisk();
    const batch: Transition[] = [
      settle(1, 0),
      failed("unknown", 2),
      { kind: "purge", baseRow: 1024, atMs: 0 },
      ...many,
    ];
    expect(() => store.apply(batch)).toThrow("full");
    const count = (table: string) =>
      (db.query(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
    expect(["payments", "ledger", "attempts"].map(count)).toEqual([3, 0, 0]);
    expect(db.query("SELECT * FROM meta WHERE key = 'base_row'").get()).toBeNull();
    expect([...store.open()].map(({ state }) => state)).toEqual([
      "assigned",
      "assigned",
      "accepted",
    ]);
    makeRoom();
    expect(store.apply(batch).every(({ kind }) => kind === "done")).toBe(true);
    expect(["payments", "ledger", "attempts"].map(count)).toEqual([2_003, 0, 1]);
    store.close();
  });

  test("turns payments away, keeps what has happened, and ends with the trouble", async () => {
    const { store, journal, apply, makeRoom } = fullDisk();
    const settled = apply(settle(1, 0), ...many, settle(2, 1));
    expect(journal.trouble).toContain("full");
    const turnedAway = GROUP_COMMIT_DEFAULTS.batchMax;
    expect(journal.queued).toBe(many.length + 2 - turnedAway);
    makeRoom();
    const more = apply(accept(5_000));
    expect(await more).toEqual([{ kind: "done" }]);
    const results = await settled;
    expect(results.filter((result) => result === null)).toHaveLength(turnedAway);
    expect(results.filter((result) => result?.kind === "done")).toHaveLength(
      many.length + 2 - turnedAway,
    );
    expect([journal.trouble, journal.queued]).toEqual([null, 0]);
    expect((await journal.rows(0, 10)).processor).toHaveLength(2);
    store.close();
  });

  test("at a row that is taken leaves nothing behind either", () => {
    const { store } = openInline(":memory:");
    store.apply([assigned(1), assigned(2), settle(1, 0)]);
    expect(() => store.apply([accept(3), settle(2, 0)])).toThrow("UNIQUE");
    expect([...store.open()].map(({ seq, state }) => [seq, state])).toEqual([[2, "assigned"]]);
    store.close();
  });
});

describe("a journal by turns", () => {
  const failure = (ask: () => Promise<unknown>) =>
    Promise.try(ask).catch((error: Error) => error.message);
  const settings = (path: string) => ({ JOURNAL: path, JOURNAL_SYNC: "off" }) as const;

  test("is refused with the same line", async () => {
    using file = temporaryFile();
    writeFileSync(file.path, "no database, and long enough to tell".repeat(50));
    await expect(openJournal(settings(file.path), NAMES, systemClock)).rejects.toThrow(
      /^journal \S+ cannot be opened: [^\n]+$/,
    );
  });

  test("belongs to one worker at a time", async () => {
    using file = temporaryFile();
    const journal = await openJournal(settings(file.path), NAMES, systemClock);
    await expect(openJournal(settings(file.path), NAMES, systemClock)).rejects.toThrow(
      `journal ${file.path} cannot be opened: a worker is using it`,
    );
    await journal.close();
    const third = await openJournal(settings(file.path), NAMES, systemClock);
    await third.close();
  });

  test("does not take a question that fails for an answer", async () => {
    using directory = temporaryDirectory();
    const journal = await openJournal(settings(directory.file()), NAMES, systemClock);
    using db = new Database(directory.file());
    db.run("DROP TABLE payments");
    db.run("DROP TABLE ledger");
    db.run("DROP TABLE blocks");
    expect(await failure(() => journal.open())).toBe("no such table: main.payments");
    expect(await failure(() => journal.rows(0, 1))).toBe("no such table: ledger");
    expect(await failure(() => journal.blocks(0, 1024))).toBe("no such table: blocks");
    await journal.close();
  });
});

test("the journal's file opens with any SQLite tool and says what it means", () => {
  using directory = temporaryDirectory();
  write(directory.file(), 3);
  using db = new Database(directory.file(), { readonly: true });
  const rows = db.query(
    "SELECT name, amount_cents FROM ledger JOIN processors ON number = processor",
  );
  expect(rows.values()).toEqual([
    ["default", 1990],
    ["default", 1990],
    ["default", 1990],
  ]);
});
