/** Journals of earlier commits, and what becomes of them on the way to this format. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { run } from "../../testing/process.ts";
import { FORMAT, formatOf, openToRead } from "../format.ts";
import { VERSION } from "../../shared/version.ts";
import { damageIn } from "./damage.ts";
import {
  AT_MS,
  NAMES,
  openInline,
  settle,
  temporaryDirectory,
  temporaryFile,
  uuid,
} from "./journal.fixture.ts";
import { COMMITS, FORMATS, schemaOf, writtenBy } from "./migrations.fixture.ts";
import { migrate, MIGRATIONS, pendingIn, type Upgrade } from "./migrations.ts";
import { SqliteReader } from "./sqlite-reader.ts";
import { openDatabase, SqliteStore } from "./store.ts";

const ENTRY = new URL("./migrations.fixture.ts", import.meta.url).pathname;
/** Every column that all formats have, and what a start itself writes left out. */
const FACTS = [
  `SELECT seq, hex(id), amount_cents, state, accepted_at_ms, processor, requested_at_ms, settled_at_ms
   FROM payments ORDER BY seq`,
  "SELECT * FROM ledger ORDER BY row",
  "SELECT rowid, seq, at_ms, processor, outcome, reason FROM attempts ORDER BY rowid",
  "SELECT rowid, * FROM interventions ORDER BY rowid",
  "SELECT * FROM processor_modes",
  "SELECT number, name FROM processors ORDER BY number",
];

function factsIn(db: Database): unknown[] {
  return FACTS.map((sql) => db.query(sql).values());
}

function schemaOfNew(): unknown {
  const { db, store } = openInline(":memory:");
  const schema = schemaOf(db);
  store.close();
  return schema;
}

function upgraded(db: Database): Upgrade[] {
  const told: Upgrade[] = [];
  migrate(db, (upgrade) => told.push(upgrade));
  return told;
}

test("migrations are numbered by the format that they leave", () => {
  const numbers = MIGRATIONS.map(({ name }) => Number(/^\d{4}(?=-)/.exec(name)?.[0]));
  expect(numbers).toEqual(Array.from({ length: FORMAT }, (_, n) => n + 1));
});

test("of every format that was ever written there is a journal", () => {
  // The first three came with the fourth, and nothing wrote them.
  expect([...FORMATS.values()]).toEqual(Array.from({ length: FORMAT - 4 }, (_, n) => n + 4));
});

describe.each(COMMITS)("a journal that %s wrote", (commit) => {
  test("has the schema of a new one after its upgrade, and every fact is there", () => {
    using file = temporaryFile();
    writtenBy(commit, file.path);
    using db = openDatabase(file.path, "off");
    const before = factsIn(db);
    const from = formatOf(db);
    expect(from).toBe(FORMATS.get(commit) ?? 0);
    expect(before.map((rows) => (rows as unknown[]).length)).toEqual([
      48,
      24,
      commit === "0230981" ? 28 : 21,
      5,
      1,
      2,
    ]);
    expect(upgraded(db)).toEqual([
      { kind: "begins", from, to: FORMAT },
      ...MIGRATIONS.slice(from).map(({ name: migration }) => {
        return { kind: "step" as const, migration, durationMs: expect.any(Number) };
      }),
    ]);
    expect(factsIn(db)).toEqual(before);
    expect(schemaOf(db)).toEqual(schemaOfNew());
    expect(damageIn(db)).toBeNull();
    expect(upgraded(db)).toEqual([]);
  });

  test("is worked with by the start that upgrades it", () => {
    using file = temporaryFile();
    writtenBy(commit, file.path);
    const db = openDatabase(file.path, "off");
    const store = new SqliteStore(file.path, "off", NAMES, AT_MS, db);
    expect(store.head).toMatchObject({ nextSeq: 49, nextRow: 24, modes: ["auto", "drained"] });
    expect([...store.open()].map(({ seq }) => seq)).toEqual(
      Array.from({ length: 24 }, (_, n) => 25 + n),
    );
    const correlationId = uuid(1);
    const known = { kind: "accept", seq: 49, correlationId, amountCents: 1_007 } as const;
    const accepted = { ...known, acceptedAtMs: AT_MS, assignment: null };
    const unknown = settle(26, 24, { amountCents: 1_182 });
    expect(store.apply([unknown, accepted])).toEqual([{ kind: "done" }, { kind: "duplicate" }]);
    const summed = "SELECT sum IS NOT NULL FROM payments WHERE seq = 26";
    expect(db.query(summed).values()).toEqual([[1]]);
    expect(damageIn(db)).toBeNull();
    store.close();
  });
});

test("open payments that are older than many others are found after the upgrade", () => {
  using file = temporaryFile();
  writtenBy("1a4e971", file.path);
  const db = openDatabase(file.path, "off");
  db.run(`WITH RECURSIVE n(seq) AS (SELECT 49 UNION ALL SELECT seq + 1 FROM n WHERE seq < 40000)
    INSERT INTO payments SELECT seq, randomblob(16), 1, 4, 2, 0, 3, 4, NULL FROM n`);
  const store = new SqliteStore(file.path, "off", NAMES, AT_MS, db);
  const older = Array.from({ length: 24 }, (_, n) => 25 + n);
  expect([...store.open()].map(({ seq }) => seq)).toEqual(older);
  expect(db.query("SELECT seq FROM stragglers").values().flat()).toEqual(older);
  expect(damageIn(db)).toBeNull();
  store.close();
});

test("codes of rejections are carried over, and attempts have the columns that programs count", async () => {
  using directory = temporaryDirectory();
  const [path, old] = [directory.file(), directory.file("old.db")];
  writtenBy("8e45d63", path);
  writtenBy("a156bc7", old);
  using db = openDatabase(path, "off");
  using before = openDatabase(old, "off");
  const codes = db.query("SELECT seq, code FROM attempts WHERE outcome = 'rejected'").values();
  expect(codes).toEqual([
    [37, "no_funds_37"],
    [38, null],
  ]);
  upgraded(db);
  expect(db.query("SELECT * FROM codes").values()).toEqual([[37, "no_funds_37"]]);
  const made = "SELECT sql FROM sqlite_schema WHERE name = 'attempts'";
  expect(db.query(made).values()).toEqual(before.query(made).values());
  db.run(
    "INSERT INTO attempts SELECT seq, at_ms, processor, outcome, reason FROM attempts WHERE seq = 36",
  );
  const reader = new SqliteReader(db);
  const told = await Promise.all([33, 37, 38].map(async (seq) => await reader.payment(uuid(seq))));
  expect(told.map((one) => [one?.reason, one?.code])).toEqual([
    ["no answer to payment 33", null],
    ["no answer to payment 37", "no_funds_37"],
    ["no answer to payment 38", null],
  ]);
});

test("a journal of the first days, which has fewer tables, ends the same", () => {
  using file = temporaryFile();
  writtenBy("0230981", file.path);
  using db = openDatabase(file.path, "off");
  for (const table of ["blocks", "interventions", "processor_modes"]) db.run(`DROP TABLE ${table}`);
  upgraded(db);
  expect(schemaOf(db)).toEqual(schemaOfNew());
});

test("an index that an earlier version puts back, before it refuses the file, is taken away", () => {
  using file = temporaryFile();
  new SqliteStore(file.path, "off", NAMES, AT_MS).close();
  using db = openDatabase(file.path, "off");
  db.run("CREATE INDEX open_payments ON payments (seq) WHERE state <> 4");
  new SqliteStore(file.path, "off", NAMES, AT_MS).close();
  expect(schemaOf(db)).toEqual(schemaOfNew());
});

test("of a new journal nothing is told", () => {
  using db = new Database(":memory:", { strict: true });
  expect(upgraded(db)).toEqual([]);
  expect(formatOf(db)).toBe(FORMAT);
});

test.each(MIGRATIONS.map(({ name }, done) => [name, done] as const))(
  "killed in the middle of %s, a process leaves the format before, and the next start goes on",
  async (name, done) => {
    using directory = temporaryDirectory();
    const [path, other] = [directory.file(), directory.file("other.db")];
    for (const each of [path, other]) writtenBy("0230981", each);
    using wanted = openDatabase(other, "off");
    const facts = factsIn(wanted);
    migrate(wanted, () => {}, MIGRATIONS.slice(0, done));

    const { signal } = await run([process.execPath, ENTRY, path, name]);
    expect(signal).toBe("SIGKILL");
    using left = openDatabase(path, "off");
    expect(schemaOf(left)).toEqual(schemaOf(wanted));
    expect(factsIn(left)).toEqual(facts);
    expect(damageIn(left)).toBeNull();

    expect(pendingIn(left)).toEqual(MIGRATIONS.slice(done));
    new SqliteStore(path, "off", NAMES, AT_MS, left).close();
    using after = openToRead(path);
    expect(schemaOf(after)).toEqual(schemaOfNew());
    expect(factsIn(after)).toEqual(facts);
  },
);

test("a journal of a newer format is refused before anything is written", () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  writtenBy("1668a0c", path);
  {
    using db = new Database(path);
    db.run("PRAGMA journal_mode = DELETE");
    db.run(`PRAGMA user_version = ${FORMAT + 5}`);
  }
  const before = readFileSync(path);
  const why = `it is of format ${FORMAT + 5}, and this is papa-leguas ${VERSION}, which knows formats up to \
${FORMAT}: start the version that wrote it, or a later one`;
  expect(() => new SqliteStore(path, "off", NAMES, AT_MS)).toThrow(
    `journal ${path} cannot be opened: ${why}`,
  );
  expect(() => openToRead(path)).toThrow(`journal ${path} cannot be read: ${why}`);
  expect(readFileSync(path)).toEqual(before);
  expect(readdirSync(directory.path)).toEqual(["payments.db"]);
});

test("a journal of an older format is not read", () => {
  using directory = temporaryDirectory();
  writtenBy("1668a0c", directory.file());
  expect(() => openToRead(directory.file())).toThrow(
    `it is of format 0, and papa-leguas ${VERSION} reads format ${FORMAT}`,
  );
});

test("a format that the header and the table tell differently is damage", () => {
  const { db, store } = openInline(":memory:");
  for (const other of [0, 1, FORMAT - 1]) {
    db.run(`PRAGMA user_version = ${other}`);
    expect(damageIn(db)).toContain(`its header has another format than ${FORMAT}`);
  }
  store.close();
});
