/** A journal is looked through before the start or beside the work, and damage ends the worker. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { systemClock, type Clock } from "../../shared/clock.ts";
import { run } from "../../testing/process.ts";
import { InlineJournal } from "./inline.ts";
import { damageIn, findingsOf } from "./damage.ts";
import { AGAIN_MS, DAY_MS, Integrity } from "./integrity.ts";
import {
  accept,
  assigned,
  AT_MS,
  NAMES,
  settle,
  temporaryDirectory,
  temporaryFile,
  uuid,
} from "./journal.fixture.ts";
import { openDatabase, PAGE_BYTES, SqliteStore } from "./store.ts";
import { openJournal } from "./turn.ts";

const PAYMENTS = 2_000;
/** Limit below the size of every file: no file is looked through before the start. */
const NOTHING = 0;
const [THIS_BOOT, LAST_BOOT] = [2, 1];

function write(path: string): void {
  const store = new SqliteStore(path, "off", NAMES, AT_MS);
  store.apply(Array.from({ length: PAYMENTS }, (_, n) => assigned(n + 1)));
  store.apply(Array.from({ length: PAYMENTS }, (_, n) => settle(n + 1, n)));
  store.checkpoint();
  store.close();
}

/** Overwrites a page; a start needs nothing of the 31st. */
function damage(path: string, page = 31): void {
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(PAGE_BYTES, 0xa5), 0, PAGE_BYTES, (page - 1) * PAGE_BYTES);
  closeSync(file);
}

/** Gives the first page below the root of each tree. */
function firstLeaves(path: string, trees: readonly string[]): number[] {
  using db = new Database(path, { readonly: true });
  const bytes = readFileSync(path);
  return trees.map((name) => {
    const sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?";
    const at = ((db.query(sql).values(name) as [[number]])[0][0] - 1) * PAGE_BYTES;
    const cell = at + bytes.readUInt16BE(at + 12);
    return bytes.readUInt32BE(cell);
  });
}

async function open(path: string, checkedBytesMax = NOTHING, clock: Clock = systemClock) {
  const told: string[] = [];
  const over = Promise.withResolvers<string>();
  const fatal = (reason: string) => {
    told.push(reason);
    over.resolve(reason);
  };
  const options = { fatal, checkedBytesMax, boot: THIS_BOOT };
  const settings = { JOURNAL: path, JOURNAL_SYNC: "off" } as const;
  const journal = await openJournal(settings, NAMES, clock, options);
  return { journal, told, over: over.promise, [Symbol.asyncDispose]: () => journal.close() };
}

const refusal = (path: string) =>
  open(path).then(
    () => "it was opened",
    (error: Error) => error.message,
  );

/** Leaves the journal as a worker does that did not end by itself. */
function leftRunning(path: string, boot: number): void {
  using db = new Database(path);
  db.run("INSERT INTO meta VALUES ('running', ?)", [boot]);
}

const lineAbout = (path: string) =>
  new RegExp(
    `^journal ${path}: it is damaged: [^\\n]+; restore a backup \\(docs/OPERATIONS.md#backup\\)$`,
  );

describe("a large file", () => {
  test("is looked through while the worker works, and damage ends it", async () => {
    using file = temporaryFile();
    write(file.path);
    const whole = await open(file.path);
    // The thread looks first and closes then.
    await whole.journal.close();
    expect(whole.told).toEqual([]);
    damage(file.path);
    await using damaged = await open(file.path);
    expect(await damaged.over).toMatch(lineAbout(file.path));
    expect(damaged.journal.commit(Number.POSITIVE_INFINITY)).toBe(false);
    expect(damaged.told).toHaveLength(1);
  });

  test.each([
    ["before the start when the machine went down with a worker at it", LAST_BOOT, true],
    ["beside the work when only the worker was killed", THIS_BOOT, false],
  ])("is looked through %s", async (_, boot, isRefused) => {
    using file = temporaryFile();
    write(file.path);
    leftRunning(file.path, boot);
    damage(file.path);
    if (isRefused) return expect(await refusal(file.path)).toMatch(lineAbout(file.path));
    await using opened = await open(file.path);
    return expect(await opened.over).toMatch(lineAbout(file.path));
  });

  test("is not built on again once damage was found, until it is whole", async () => {
    using directory = temporaryDirectory();
    const [path, backup] = [directory.file(), directory.file("backup.db")];
    write(path);
    copyFileSync(path, backup);
    damage(path);
    {
      await using damaged = await open(path);
      await damaged.over;
    }
    expect(readFileSync(`${path}-trouble`, "utf8")).toContain("it is damaged: ");
    expect(await refusal(path)).toMatch(lineAbout(path));
    expect(await refusal(path)).toMatch(lineAbout(path));
    copyFileSync(backup, path);
    await using whole = await open(path);
    expect(whole.journal.head.nextRow).toBe(PAYMENTS);
    expect(existsSync(`${path}-trouble`)).toBe(false);
  });
});

test.each([0.5, 0.02])(
  "a journal cut to %f of its length is refused, and told to be damaged",
  async (part) => {
    using file = temporaryFile();
    write(file.path);
    truncateSync(file.path, PAGE_BYTES * Math.ceil((statSync(file.path).size / PAGE_BYTES) * part));
    expect(await refusal(file.path)).toMatch(
      /: it is damaged: [^\n]+; restore a backup \(docs\/OPERATIONS\.md#backup\)$/,
    );
  },
);

test("a worker that ends by itself leaves no mark of one that runs", async () => {
  using file = temporaryFile();
  const running = () => {
    using db = new Database(file.path, { readonly: true });
    return db.query("SELECT value FROM meta WHERE key = 'running'").values();
  };
  const opened = await open(file.path);
  expect(running()).toEqual([[THIS_BOOT]]);
  await opened.journal.close();
  expect(running()).toEqual([]);
});

test("a file that somebody else has locked does not keep a worker from ending", async () => {
  using file = temporaryFile();
  const { journal } = await open(file.path);
  using other = new Database(file.path);
  other.run("BEGIN IMMEDIATE");
  await journal.close();
  expect(other.query("SELECT value FROM meta WHERE key = 'running'").values()).toEqual([
    [THIS_BOOT],
  ]);
  other.run("COMMIT");
  const again = await open(file.path);
  await again.journal.close();
  expect(other.query("SELECT 1 FROM meta WHERE key = 'running'").values()).toEqual([]);
});

test("every file is looked through once a day", async () => {
  using file = temporaryFile();
  write(file.path);
  let passedMs = 0;
  const clock: Clock = { ...systemClock, steadyMs: () => passedMs };
  await using opened = await open(file.path, Number.POSITIVE_INFINITY, clock);
  damage(file.path);
  passedMs = DAY_MS;
  expect(await opened.over).toMatch(lineAbout(file.path));
});

describe("a look that fails is no damage", () => {
  test("it is said once, tried again in minutes, and damage is found then", async () => {
    using directory = temporaryDirectory();
    const [elsewhere, path] = [directory.file("elsewhere.db"), directory.file()];
    write(elsewhere);
    damage(elsewhere);
    const warnings: string[] = [];
    const integrity = await Integrity.open(path, (reason) => void warnings.push(reason));
    const found: string[] = [];
    integrity.onDamage = (reason) => void found.push(reason);
    integrity.start(0, 0);
    await integrity.looked();
    integrity.tick(AGAIN_MS);
    await integrity.looked();
    expect(warnings).toEqual([
      "it could not be looked through for damage, tried again every 5 minutes: unable to open database file",
    ]);
    copyFileSync(elsewhere, path);
    integrity.tick(2 * AGAIN_MS - 1);
    await integrity.looked();
    expect(found).toEqual([]);
    integrity.tick(2 * AGAIN_MS);
    await integrity.looked();
    expect(found).toEqual([expect.stringMatching(/^it is damaged: /)]);
    await integrity.close();
  });

  test.each(["SQLITE_CANTOPEN", "SQLITE_IOERR_READ", "SQLITE_NOMEM", "SQLITE_BUSY"])(
    "an error that is %s",
    (code) => {
      const error = Object.assign(new Error("in SQLite's own words"), { code });
      expect(() => damageIn(failing(error))).toThrow(error);
    },
  );

  test("an error that says corrupt is damage", () => {
    const error = Object.assign(new Error("malformed"), { code: "SQLITE_CORRUPT_INDEX" });
    expect(damageIn(failing(error))).toStartWith("it is damaged: malformed; ");
  });

  test("a page that the disk does not give is no finding, what was found besides is", () => {
    const unread = "Tree 2 page 31: unable to get the page. error code=266";
    const broken = "Tree 2 page 31: btreeInitPage() returns error code 11";
    expect(() => findingsOf([unread])).toThrow(unread);
    expect(findingsOf([`*** in database main ***\n${unread}\n${broken}`])).toEqual([broken]);
    const beyondTheEnd = "Tree 2 page 31: unable to get the page. error code=522";
    expect(findingsOf([unread, beyondTheEnd])).toEqual([beyondTheEnd]);
    expect(findingsOf(["ok"])).toEqual([]);
  });

  // Bun ends a process that has no descriptor left to load a thread with.
  test("without a descriptor left the worker goes on", async () => {
    using directory = temporaryDirectory();
    expect(await lookWithoutDescriptors(directory.file())).toEqual([
      expect.stringContaining("it could not be looked through for damage"),
    ]);
  });
});

function failing(error: Error): Database {
  return {
    query() {
      throw error;
    },
  } as unknown as Database;
}

/** Gives what a journal reports when its daily look is due in a process without a free descriptor. */
async function lookWithoutDescriptors(path: string): Promise<unknown> {
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  const script = `
    import { openSync } from "node:fs";
    import { DAY_MS } from ${module("./integrity.ts")};
    import { openJournal } from ${module("./turn.ts")};
    let passedMs = 0;
    const clock = { wallMs: Date.now, steadyMs: () => passedMs };
    const said = [];
    const say = (reason) => { said.push(reason); console.log(JSON.stringify(said)); process.exit(0); };
    const settings = { JOURNAL: ${JSON.stringify(path)}, JOURNAL_SYNC: "off" };
    await openJournal(settings, ["a"], clock, { fatal: say, warn: say });
    const taken = [];
    try { for (;;) taken.push(openSync("/dev/null", "r")); } catch {}
    passedMs = DAY_MS;
  `;
  const command = ["sh", "-c", 'ulimit -n 128 && exec "$@"', "sh", process.execPath, "-e", script];
  const { out, code } = await run(command);
  return out === "" ? `it ended with ${code}` : JSON.parse(out);
}

test("a commit or a read that meets damage is not tried again", async () => {
  using file = temporaryFile();
  write(file.path);
  const pages = firstLeaves(file.path, ["sqlite_autoindex_payments_1", "ledger"]);
  for (const page of pages) damage(file.path, page);
  const met: string[] = [];
  class Journal extends InlineJournal {
    override onCorruption = (message: string) => void met.push(message);
  }
  const db = openDatabase(file.path, "off");
  const store = new SqliteStore(file.path, "off", NAMES, AT_MS, db, NOTHING);
  const journal = new Journal(store, systemClock);
  journal.append(accept(PAYMENTS + 1, { correlationId: uuid(1) }), () => {});
  const malformed = "database disk image is malformed";
  expect(() => journal.commit(0)).toThrow(malformed);
  await expect(journal.rows(0, PAYMENTS)).rejects.toThrow(malformed);
  expect(met).toEqual([malformed, malformed]);
  expect(journal.trouble).toBeNull();
  store.close();
});
