/**
 * A single bit of the file is turned over, in ten places of every kind of page of every table and index,
 * of the free pages, of overflow pages, and of the header. Either it is found, or all answers of the
 * journal are the same as before.
 */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { seededRandom } from "../../testing/random.ts";
import { openToRead } from "../format.ts";
import { BLOCK_ROWS } from "../transitions.ts";
import {
  accept,
  AT_MS,
  failed,
  NAMES,
  settle,
  temporaryDirectory,
  uuid,
} from "./journal.fixture.ts";
import { SqliteReader } from "./sqlite-reader.ts";
import { openDatabase, PAGE_BYTES, SqliteStore } from "./store.ts";

const SEED = 20_261_128;
const PLACES = 10;
const PAYMENTS = 1_000;
const HEADER_BYTES = 100;
const KINDS_OF_PAGES = [
  "table interior",
  "table leaf",
  "index interior",
  "index leaf",
  "free, trunk",
  "free, leaf",
  "overflow",
];

const said = { atMs: AT_MS, who: "ana", action: "test", evidence: null };

/** Every other payment carries a reference, and every third a source. */
function carriedBy(seq: number) {
  return {
    ...(seq % 2 === 0 ? { reference: `order ${seq}` } : {}),
    ...(seq % 3 === 0 ? { source: `tok_${"x".repeat(seq % 90)}_${seq}` } : {}),
  };
}

function amountOf(seq: number): number {
  return 1 + ((seq * 7_919) % 100_000);
}

/** Writes rows of every table, and so many that every tree has pages below its root. */
function write(path: string): void {
  const db = openDatabase(path, "off");
  const recent = { least: PAYMENTS / 2, step: 1 };
  const store = new SqliteStore(path, "off", NAMES, AT_MS, db, 0, undefined, recent);
  const [seqs, open] = [1, PAYMENTS + 1].map((first) =>
    Array.from({ length: PAYMENTS }, (_, n) => first + n),
  ) as [number[], number[]];
  for (const seq of [...seqs, ...open]) {
    const assignment =
      seq % 5 === 0 ? null : { processor: seq % 2, requestedAtMs: AT_MS + 100 + seq };
    const correlationId = uuid((seq * 7_919) % 1_000_003);
    const payment = { correlationId, amountCents: amountOf(seq), ...carriedBy(seq) };
    store.apply([accept(seq, { ...payment, assignment })]);
  }
  const words = (seq: number) =>
    `because ${"of this and that ".repeat(seq % 13 === 0 ? 200 : seq % 40)}`;
  const unknown = failed("unknown", 0);
  if (unknown.kind !== "unknown") throw new Error("another transition than was asked for");
  const tried = open.filter((seq) => seq % 5 !== 0 && seq % 3 === 0);
  store.apply(
    tried.map((seq) => {
      const attempt = { ...unknown.attempt, processor: seq % 2, reason: words(seq) };
      return { kind: "unknown", seq, attempt };
    }),
  );
  store.apply(
    tried.map((seq) => ({ kind: "hold", seq, intervention: { ...said, why: words(seq) } })),
  );
  store.apply([
    { kind: "mode", processor: 1, mode: "drained", intervention: { ...said, why: "" } },
  ]);
  const settleAll = (some: number[], firstRow: number) =>
    store.apply(
      some.map((seq, n) =>
        settle(seq, firstRow + n, {
          processor: seq % 2,
          amountCents: amountOf(seq),
          hasSource: seq % 3 === 0,
        }),
      ),
    );
  settleAll(
    seqs.filter((seq) => seq % 5 !== 0),
    0,
  );
  // Most pages of the purged rows stay free.
  const baseRow = Math.ceil(PAYMENTS / BLOCK_ROWS) * BLOCK_ROWS;
  store.apply([{ kind: "purge", baseRow, atMs: AT_MS }]);
  settleAll(
    open.filter((seq) => seq % 5 !== 0 && seq % 3 === 1),
    baseRow,
  );
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  store.close();
}

/** Pages by tree and kind. */
function pagesOf(path: string): Map<string, number[]> {
  using db = new Database(path, { readonly: true });
  const bytes = readFileSync(path);
  const trees = db.query("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0").values();
  const found = new Map<string, number[]>();
  const seen = new Set<number>();
  const add = (kind: string, page: number) => {
    seen.add(page);
    found.set(kind, [...(found.get(kind) ?? []), page]);
  };
  const KINDS = new Map([
    [2, "index interior"],
    [5, "table interior"],
    [10, "index leaf"],
    [13, "table leaf"],
  ]);
  const walk = (tree: string, page: number) => {
    const start = (page - 1) * PAGE_BYTES;
    const at = start + (page === 1 ? HEADER_BYTES : 0);
    const kind = KINDS.get(bytes.readUInt8(at));
    if (kind === undefined) throw new Error(`page ${page} of ${tree} is of no kind`);
    add(`${tree}, ${kind}`, page);
    if (!kind.endsWith("interior")) return;
    for (let cell = 0; cell < bytes.readUInt16BE(at + 3); cell++) {
      walk(tree, bytes.readUInt32BE(start + bytes.readUInt16BE(at + 12 + 2 * cell)));
    }
    walk(tree, bytes.readUInt32BE(at + 8));
  };
  for (const [name, root] of [["sqlite_schema", 1], ...trees] as [string, number][]) {
    walk(name, root);
  }
  for (let trunk = bytes.readUInt32BE(32); trunk !== 0;) {
    const at = (trunk - 1) * PAGE_BYTES;
    add("free, trunk", trunk);
    for (let leaf = 0; leaf < bytes.readUInt32BE(at + 4); leaf++) {
      add("free, leaf", bytes.readUInt32BE(at + 8 + 4 * leaf));
    }
    trunk = bytes.readUInt32BE(at);
  }
  for (let page = 1; page <= bytes.length / PAGE_BYTES; page++) {
    if (!seen.has(page)) add("overflow", page);
  }
  return found;
}

/** Opens the journal and gives all answers that depend on the file. Throws when damage is found. */
async function answersOf(path: string): Promise<unknown> {
  const db = openDatabase(path, "off");
  const store = new SqliteStore(path, "off", NAMES, AT_MS, db);
  const { epoch: _, ...head } = store.head;
  const { baseRow, nextRow, nextSeq } = head;
  const ids = Array.from({ length: 2 * PAYMENTS }, (__, n) => uuid(((n + 1) * 7_919) % 1_000_003));
  const reader = new SqliteReader(openToRead(path));
  const fullRows = Math.floor(nextRow / BLOCK_ROWS) * BLOCK_ROWS;
  const answers = {
    head,
    open: [...store.open()],
    statuses: await Promise.all(ids.map((id) => reader.payment(id))),
    rows: store.ledger.rows(baseRow, nextRow),
    blocks: store.blocks.totals(baseRow, fullRows, head.processors.length),
    told: db.query("SELECT * FROM attempts ORDER BY rowid").values(),
    decided: db.query("SELECT * FROM interventions ORDER BY rowid").values(),
    repeated: store.apply(
      ids.map((correlationId, n) => accept(nextSeq + n, { correlationId, amountCents: 1 })),
    ),
    same: store.apply(
      Array.from({ length: 2 * PAYMENTS }, (__, n) => n + 1)
        .filter((seq) => seq % 9 < 2)
        .map((seq) => {
          const known = { correlationId: ids[seq - 1]!, amountCents: amountOf(seq) };
          return accept(nextSeq + seq, { ...known, ...carriedBy(seq) });
        }),
    ),
  };
  await reader.close();
  store.close();
  return answers;
}

async function ask(path: string): Promise<{ found: string } | { answers: string }> {
  try {
    return { answers: Bun.hash(JSON.stringify(await answersOf(path))).toString() };
  } catch (error) {
    return { found: (error as Error).message };
  }
}

test("a bit that has turned over anywhere in the file is found, or changes no answer", async () => {
  using directory = temporaryDirectory();
  const [whole, copy] = [directory.file("whole.db"), directory.file()];
  write(whole);
  const bytes = readFileSync(whole);
  const random = seededRandom(SEED);
  const below = (n: number) => Math.floor(random() * n);
  copyFileSync(whole, copy);
  const right = await ask(copy);
  expect(right).toHaveProperty("answers");
  const kinds = pagesOf(whole);
  const wrong: string[] = [];
  const turns = { all: 0, found: 0 };
  /** Picks a byte of the page: any byte, or one that is not 0, since many pages are nearly empty. */
  const placeIn = (page: number, isAny: boolean): number => {
    const at = (page - 1) * PAGE_BYTES + below(PAGE_BYTES);
    const isEmpty = bytes
      .subarray((page - 1) * PAGE_BYTES, page * PAGE_BYTES)
      .every((b) => b === 0);
    return isAny || isEmpty || bytes[at] !== 0 ? at : placeIn(page, isAny);
  };
  const turn = async (kind: string, at: number) => {
    const turned = Buffer.from(bytes);
    const bit = below(8);
    turned.writeUInt8(turned.readUInt8(at) ^ (1 << bit), at);
    const path = directory.file(`${kind}-${at}-${bit}.db`);
    writeFileSync(path, turned);
    const seen = await ask(path);
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    turns.all++;
    if ("found" in seen) turns.found++;
    else if (!Bun.deepEquals(seen, right)) wrong.push(`${kind}: bit ${bit} of byte ${at}`);
  };
  for (const [kind, pages] of kinds) {
    for (let place = 0; place < PLACES; place++) {
      const page = pages[below(pages.length)] as number;
      await turn(kind, placeIn(page, place % 2 === 0));
    }
  }
  for (let place = 0; place < PLACES; place++) await turn("header", below(HEADER_BYTES));
  expect(wrong).toEqual([]);
  // The kinds that the first comment names are there, and it is not luck that nothing is wrong.
  for (const kind of KINDS_OF_PAGES) expect([...kinds.keys()].join("\n")).toContain(kind);
  expect(turns.found).toBeGreaterThan(turns.all / 3);
});
