/** A copy is whole, of one moment, and has its name only when it is both. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cursorOf } from "../event-position.ts";
import { openSource } from "../webhooks/open-source.ts";
import { backUp, copyBytesOf } from "./backup.ts";
import { Draft, partialOf, sweep } from "./draft.ts";
import {
  accept,
  assigned,
  AT_MS,
  failed,
  failedWebhook,
  openInline,
  settle,
  temporaryDirectory,
  uuid,
} from "./journal.fixture.ts";

const NOW_MS = AT_MS + 5_000;
const ignore = () => {};

async function withPayments(path: string) {
  const opened = openInline(path);
  const amountCents = 123_456_789;
  await opened.apply({ ...assigned(1), amountCents }, assigned(2), accept(3));
  await opened.apply(settle(1, 0, { amountCents }), settle(2, 1));
  return opened;
}

const metaOf = (path: string) => {
  using db = new Database(path, { readonly: true });
  return Object.fromEntries(db.query("SELECT key, value FROM meta").values() as [string, number][]);
};
const rowsOf = (path: string, table: string) => {
  using db = new Database(path, { readonly: true });
  return db.query(`SELECT * FROM ${table} ORDER BY 1`).values();
};

test("a copy has what was committed, one file alone, and says when it was made", async () => {
  using directory = temporaryDirectory();
  const [path, to] = [directory.file(), directory.file("copy.db")];
  await using opened = await withPayments(path);
  opened.db.run("INSERT OR REPLACE INTO meta VALUES ('running', 7)");
  const bytes: (number | null)[] = [];
  const contents = await backUp({ from: path, to, nowMs: NOW_MS }, (n) => bytes.push(n));
  expect(contents).toEqual({ payments: 3, open: 1, newestAtMs: AT_MS + 3, backupAtMs: NOW_MS });
  expect(bytes.at(-1)).toBeNull();
  for (const table of ["payments", "ledger", "processors"]) {
    expect(rowsOf(to, table)).toEqual(rowsOf(path, table));
  }
  // Nobody is at the copy.
  const { running: _, ...meta } = metaOf(path);
  expect(metaOf(to)).toEqual({ ...meta, backup_at_ms: NOW_MS });
  expect(readFileSync(to).length).toBeLessThanOrEqual(copyBytesOf(path));
  expect(readdirSync(directory.path).filter((name) => name.startsWith("copy"))).toEqual([
    "copy.db",
  ]);
});

test("a copy has references, sources, codes and how far webhooks have come", async () => {
  using directory = temporaryDirectory();
  const [path, to] = [directory.file(), directory.file("copy.db")];
  await using opened = await withPayments(path);
  const cursor = cursorOf({ attempt: 0, row: 0 });
  const changes = { cursor, target: "shop", endedAtMs: null, put: [failedWebhook(1)], drop: [] };
  await opened.apply(
    assigned(4, 0, { source: "tok", reference: "order 4" }),
    assigned(5, 0, { source: "tok", reference: "order 5" }),
    { kind: "webhooks", changes },
  );
  const rejected = failed("reject", 5, 0, "402: no", "no_funds");
  await opened.apply(Object.assign(rejected, { hasSource: true }));
  await backUp({ from: path, to, nowMs: NOW_MS }, ignore);
  const tables = ["payments", "sources", "attempts", "codes", "webhooks", "deliveries"];
  for (const table of tables) {
    expect(rowsOf(to, table)).not.toEqual([]);
    expect(rowsOf(to, table)).toEqual(rowsOf(path, table));
  }
  // A shop goes on there where the copy was made, with the same words.
  const [here, there] = [openSource(path), openSource(to)];
  expect(await there.state()).toEqual({ cursor, target: "shop", endedAtMs: null });
  expect(await there.retrying()).toEqual([failedWebhook(1)]);
  const untold = await there.after(cursor, 10);
  expect(untold.map(({ ended }) => [ended.correlationId, ended.reference, ended.code])).toEqual([
    [uuid(5), "order 5", "no_funds"],
    [uuid(2), null, null],
  ]);
  expect(untold).toEqual(await here.after(cursor, 10));
  await here.close();
  await there.close();
});

describe("a copy is refused, and nothing has its name,", () => {
  test("when there is no journal, or another database", async () => {
    using directory = temporaryDirectory();
    const [path, to] = [directory.file(), directory.file("copy.db")];
    expect(() => copyBytesOf(path)).toThrow("there is no such file");
    {
      using db = new Database(path);
      db.run("CREATE TABLE other (n)");
    }
    const order = { from: path, to, nowMs: NOW_MS };
    await expect(backUp(order, ignore)).rejects.toThrow("but no journal");
    expect(readdirSync(directory.path)).toEqual(["payments.db"]);
  });

  test("when something is there, which stays as it is", async () => {
    using directory = temporaryDirectory();
    const [path, to] = [directory.file(), directory.file("copy.db")];
    await using _ = await withPayments(path);
    writeFileSync(to, "mine");
    const order = { from: path, to, nowMs: NOW_MS };
    await expect(backUp(order, ignore)).rejects.toThrow(`${to} is there already`);
    expect(readFileSync(to, "utf8")).toBe("mine");
  });

  test.each([[0], [1]])("when the journal is damaged, in copy %i of a number", async (which) => {
    using directory = temporaryDirectory();
    const [path, to] = [directory.file(), directory.file("copy.db")];
    const opened = await withPayments(path);
    opened.db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    await opened[Symbol.asyncDispose]();
    const bytes = readFileSync(path);
    const cents = Buffer.from([7, 0x5b, 0xcd, 0x15]);
    const places = [bytes.indexOf(cents), bytes.lastIndexOf(cents)];
    expect(places[0]).not.toBe(places[1]);
    bytes[places[which]! + 3]! ^= 1;
    writeFileSync(path, bytes);
    const order = { from: path, to, nowMs: NOW_MS };
    await expect(backUp(order, ignore)).rejects.toThrow("the copy is damaged: ");
    expect(existsSync(to) || existsSync(partialOf(to))).toBe(false);
  });
});

describe("a draft", () => {
  test("that another process has left is written anew; one that it writes is left alone", async () => {
    using directory = temporaryDirectory();
    const [path, to] = [directory.file(), directory.file("copy.db")];
    await using _ = await withPayments(path);
    writeFileSync(partialOf(to), "half a copy");
    writeFileSync(`${partialOf(to)}-journal`, "its log");
    const order = { from: path, to, nowMs: NOW_MS };
    {
      using draft = new Draft(to);
      expect(() => new Draft(to)).toThrow("is being written by another process");
      await expect(backUp(order, ignore)).rejects.toThrow("is being written by another process");
      sweep(to);
      expect(existsSync(draft.path)).toBe(true);
    }
    expect(await backUp(order, ignore)).toMatchObject({ payments: 3 });
  });

  test("is swept away when nobody writes it", () => {
    using directory = temporaryDirectory();
    const to = directory.file("copy.db");
    writeFileSync(partialOf(to), "half a copy");
    sweep(to);
    sweep(to);
    expect(readdirSync(directory.path)).toEqual([]);
  });
});
