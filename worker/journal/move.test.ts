/** Moves of a journal between a file and a database: all is there, nothing is there twice, and one goes on. */
import { afterAll, describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { systemClock } from "../../shared/clock.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import type { Journal } from "../journal.ts";
import { STREAM_CENTS_MAX, STREAMS } from "../limits.ts";
import { BLOCK_ROWS, type Transition } from "../transitions.ts";
import {
  accept,
  assign,
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
import { lockJournal } from "./lock.ts";
import { moveToDatabase, moveToFile, type MoveOptions } from "./move.ts";
import { openReader } from "./open-reader.ts";
import { STREAM } from "./postgres/ledger.ts";
import { ask, freshDatabase, openAt, stopPostgres } from "./postgres/postgres.fixture.ts";
import { writeHistory } from "./prune.fixture.ts";
import { planPrune, prune } from "./prune.ts";
import { answersOf, history } from "./reader.fixture.ts";
import { openDatabase, SqliteStore } from "./store.ts";

const OPTIONS: MoveOptions = { clock: systemClock, allowSingle: true, told: () => {} };
const FREE = {
  perMillion: 0,
  fixedCents: 0,
  minCents: 0,
  maxCents: null,
  rounding: "half-up",
} as const;
const PRICED = [
  { processor: 0, terms: { ...FREE, perMillion: 50_000 } },
  { processor: 1, terms: { ...FREE, fixedCents: 30 } },
];

afterAll(stopPostgres);

function written(path: string, transitions: readonly Transition[]): void {
  const store = new SqliteStore(path, "off", NAMES, AT_MS);
  store.apply(transitions);
  store.close();
}

/** Everything that readers say of the journal at a path or a URL. */
async function saidBy(journal: string) {
  const reader = openReader(journal);
  try {
    return await answersOf(reader);
  } finally {
    await reader.close();
  }
}

/** Reads all that a start reads, without what each start makes anew. */
async function startOf(journal: Journal) {
  const { epoch: _, ...head } = journal.head;
  const { baseRow, nextRow } = head;
  const lastBlock = Math.floor(nextRow / BLOCK_ROWS) * BLOCK_ROWS;
  return {
    head,
    open: await journal.open(),
    blocks: await journal.blocks(baseRow, lastBlock),
    rows: await journal.rows(baseRow, nextRow),
  };
}

async function startOfFile(path: string) {
  await using opened = openInline(path);
  return await startOf(opened.journal);
}

async function startOfDatabase(url: string) {
  await using opened = await openAt(url);
  return await startOf(opened.journal);
}

/** Takes the mark of a move away, as a copy of before has none. */
function unmark(path: string): void {
  using db = new Database(path);
  db.run("DELETE FROM meta WHERE key = 'moved_at_ms'");
}

describe.skipIf(WHY_NO_POSTGRES !== null)(`a move of a journal${NO_POSTGRES}`, () => {
  test("takes everything into a database, and back into a file", async () => {
    using folder = temporaryDirectory();
    const [path, back] = [folder.file(), folder.file("back.db")];
    const odd = 'a "quoted" \\ word, {brace}, NULL\n\t é 💸';
    written(path, [
      ...history(3),
      assigned(800),
      failed("unknown", 800, 0, odd),
      { kind: "mode", processor: 1, mode: "drained", intervention: { ...said, why: odd } },
    ]);
    await using file = openInline(path);
    await file.journal.addresses([{ name: "default", url: "http://a" }]);
    await file.journal.tariffs(PRICED);
    await file[Symbol.asyncDispose]();
    const before = await saidBy(path);

    const url = await freshDatabase();
    const moved = await moveToDatabase(path, url, OPTIONS);
    expect(moved.wasThere).toBe(false);
    expect(await saidBy(url)).toEqual(before);
    const again = await moveToFile(url, back, OPTIONS);
    expect(again.tally).toEqual(moved.tally);
    expect(await saidBy(back)).toEqual(before);
    unmark(path);
    expect(await startOfFile(back)).toEqual(await startOfFile(path));
    using both = new Database(back);
    both.run("ATTACH ? AS old", [path]);
    for (const table of [
      "payments",
      "ledger",
      "blocks",
      "attempts",
      "attempts_left_out",
      "codes",
      "interventions",
      "processor_modes",
      "tariffs",
    ]) {
      const columns = table === "payments" ? "seq, id, amount_cents, state, settled_at_ms" : "*";
      const rows = (from: string) => both.query(`SELECT ${columns} FROM ${from}`).values();
      expect({ table, rows: rows(`main.${table}`) }).toEqual({ table, rows: rows(`old.${table}`) });
    }
  });

  test("takes the codes of rejections into a file, and no other ones", async () => {
    using folder = temporaryDirectory();
    const [path, url] = [folder.file(), await freshDatabase()];
    {
      await using there = await openAt(url);
      const released = (seq: number) => failed("release", seq, 0, "402", "declined");
      await there.apply(assigned(1), assigned(2), released(1), released(2));
      await there.apply(assign(1), failed("reject", 1, 0, "402", "no_funds"));
      await there.apply(assigned(3), failed("reject", 3));
    }
    await moveToFile(url, path, OPTIONS);
    using file = new Database(path);
    expect(file.query("SELECT code FROM codes").values()).toEqual([["no_funds"]]);
    const reader = openReader(path);
    expect(await reader.payment(uuid(1))).toMatchObject({ state: "rejected", code: "no_funds" });
    expect(await reader.payment(uuid(3))).toMatchObject({ state: "rejected", code: null });
    await reader.close();
  });

  test("leaves a journal that goes on where the other stopped", async () => {
    using folder = temporaryDirectory();
    const path = folder.file();
    written(path, [
      assigned(1),
      settle(1, 0),
      assigned(2),
      assigned(3, 1),
      failed("unknown", 3, 1),
      assigned(4),
      failed("reject", 4),
      accept(5),
    ]);
    const url = await freshDatabase();
    await moveToDatabase(path, url, OPTIONS);
    {
      await using there = await openAt(url);
      expect(there.journal.head).toMatchObject({ nextSeq: 6, baseRow: 0, nextRow: 1 });
      await there.journal.open();
      const results = await there.apply(
        accept(6, { correlationId: uuid(1) }),
        accept(7, { correlationId: uuid(2), amountCents: 1 }),
        settle(2, 1),
      );
      expect(results).toEqual([{ kind: "duplicate" }, { kind: "conflict" }, { kind: "done" }]);
      const next = await there.apply(settle(3, 2, { processor: 1 }), assign5, accept(8));
      expect(next).toEqual([{ kind: "done" }, { kind: "done" }, { kind: "done" }]);
      expect(await there.apply(settle(5, 3))).toEqual([{ kind: "done" }]);
    }
    const back = folder.file("back.db");
    await moveToFile(url, back, OPTIONS);
    await using here = openInline(back);
    expect(here.journal.head).toMatchObject({ nextSeq: 9, baseRow: 0, nextRow: 4 });
    const open = (await here.journal.open()).map(({ seq, state }) => ({ seq, state }));
    expect(open).toEqual([
      { seq: 4, state: "rejected" },
      { seq: 8, state: "accepted" },
    ]);
    expect(await here.apply(accept(9, { correlationId: uuid(3) }))).toEqual([
      { kind: "duplicate" },
    ]);
  });

  test("keeps what was purged and what was pruned", async () => {
    using folder = temporaryDirectory();
    const [path, back] = [folder.file(), folder.file("back.db")];
    const payments = 4 * BLOCK_ROWS;
    writeHistory(path, payments);
    {
      using db = openDatabase(path, "full");
      const plan = planPrune(db, AT_MS + 100 + 2 * BLOCK_ROWS);
      expect([...prune(db, plan)].length).toBeGreaterThan(0);
    }
    const url = await freshDatabase();
    await moveToDatabase(path, url, OPTIONS);
    unmark(path);
    const before = await startOfFile(path);
    expect(before.head.prunedBeforeMs).not.toBeNull();
    expect(before.head.baseRow).toBeGreaterThan(0);
    const [counted] = await ask(
      url,
      `SELECT (SELECT sum(amount_cents) FROM ledger)::int + (SELECT coalesce(sum(amount_cents), 0)
         FROM payments WHERE state <> 4)::int AS cents`,
    );
    const part = Math.ceil((counted!["cents"] as number) / STREAMS);
    expect(part).toBeGreaterThan(0);
    const head = { ...before.head, stream: STREAM, centsLeft: STREAM_CENTS_MAX - part };
    expect(await startOfDatabase(url)).toEqual({ ...before, head });
    expect((await saidBy(url)).forgotten).toBe((await saidBy(path)).forgotten);
    {
      // A payment that was pruned is known, and a purge begins sums anew.
      await using there = await openAt(url);
      const { nextSeq, nextRow } = there.journal.head;
      const known = accept(nextSeq, { correlationId: uuid(1) });
      expect(await there.apply(known)).toEqual([{ kind: "duplicate" }]);
      const baseRow = Math.ceil(nextRow / BLOCK_ROWS) * BLOCK_ROWS;
      expect(await there.apply({ kind: "purge", baseRow, atMs: AT_MS + 9_000 })).toEqual([
        { kind: "done" },
      ]);
    }
    await moveToFile(url, back, OPTIONS);
    const after = await startOfFile(back);
    expect(after.head).toMatchObject({
      prunedBeforeMs: null,
      baseRow: payments,
      nextRow: payments,
    });
    expect(await saidBy(back)).toMatchObject({ forgotten: AT_MS + 9_000 });
  });

  test("begins anew when it was interrupted, and ends what was only not marked", async () => {
    using folder = temporaryDirectory();
    const [path, back] = [folder.file(), folder.file("back.db")];
    written(path, history(4));
    const url = await freshDatabase();
    const stop = () => {
      throw new Error("interrupted");
    };
    await expect(moveToDatabase(path, url, { ...OPTIONS, told: stop })).rejects.toThrow(
      "interrupted",
    );
    expect(await moveToDatabase(path, url, OPTIONS)).toMatchObject({ wasThere: false });
    await expect(moveToDatabase(path, url, OPTIONS)).rejects.toThrow("it was moved to another");
    unmark(path);
    expect(await moveToDatabase(path, url, OPTIONS)).toMatchObject({ wasThere: true });

    await expect(moveToFile(url, back, { ...OPTIONS, told: stop })).rejects.toThrow("interrupted");
    expect(existsSync(back)).toBe(false);
    expect(await moveToFile(url, back, OPTIONS)).toMatchObject({ wasThere: false });
    await expect(moveToFile(url, back, OPTIONS)).rejects.toThrow("it was moved to another");
    await using sql = new Bun.SQL({ url, max: 1 });
    await sql.unsafe("UPDATE meta SET moved_at_ms = NULL");
    expect(await moveToFile(url, back, OPTIONS)).toMatchObject({ wasThere: true });
  });

  test("lets no worker start on what was left behind", async () => {
    using folder = temporaryDirectory();
    const [path, back] = [folder.file(), folder.file("back.db")];
    written(path, [assigned(1)]);
    const url = await freshDatabase();
    await moveToDatabase(path, url, OPTIONS);
    expect(() => openInline(path)).toThrow(
      /it was moved to another journal at .*: start the worker there/,
    );
    await moveToFile(url, back, OPTIONS);
    await expect(openAt(url)).rejects.toThrow("it was moved to another journal at");
    // The refused one has left the lease to the next at once.
    await using sql = new Bun.SQL({ url, max: 1 });
    await sql.unsafe("UPDATE meta SET moved_at_ms = NULL");
    await using opened = await openAt(url);
    expect(opened.journal.head.nextSeq).toBe(2);
  });

  test("is refused while a worker works at either, and into what is not empty", async () => {
    using folder = temporaryDirectory();
    const [path, other] = [folder.file(), folder.file("other.db")];
    written(path, [assigned(1)]);
    written(other, [assigned(1), accept(2)]);
    const url = await freshDatabase();
    const lock = lockJournal(path);
    await expect(moveToDatabase(path, url, OPTIONS)).rejects.toThrow("a worker is using it");
    lock.close();
    await using opened = await openAt(url);
    await expect(moveToDatabase(path, url, OPTIONS)).rejects.toThrow(
      /^worker .* works there: stop it first/,
    );
    await expect(moveToFile(url, folder.file("new.db"), OPTIONS)).rejects.toThrow("works there");
    await opened[Symbol.asyncDispose]();
    const notEmpty = "the target is not empty";
    await expect(moveToDatabase(path, url, OPTIONS)).rejects.toThrow(notEmpty);
    await expect(moveToFile(url, other, OPTIONS)).rejects.toThrow(notEmpty);
    await expect(moveToFile(await freshDatabase(), folder.file("new.db"), OPTIONS)).rejects.toThrow(
      "the database is empty",
    );
    expect(existsSync(folder.file("new.db"))).toBe(false);
  });

  test("is refused for a copy that nobody has put in place, and for a damaged file", async () => {
    using file = temporaryFile();
    written(file.path, [assigned(1)]);
    const url = await freshDatabase();
    {
      using db = new Database(file.path);
      db.run("INSERT INTO meta VALUES ('backup_at_ms', 1)");
    }
    await expect(moveToDatabase(file.path, url, OPTIONS)).rejects.toThrow(
      "a copy of worker backup",
    );
    {
      using db = new Database(file.path);
      db.run("DELETE FROM meta WHERE key = 'backup_at_ms'");
      db.run("UPDATE payments SET amount_cents = amount_cents + 1");
    }
    await expect(moveToDatabase(file.path, url, OPTIONS)).rejects.toThrow("it is damaged");
  });
});

const said = { atMs: AT_MS, who: "ana", action: "drain", why: "", evidence: null };
const assign5 = {
  kind: "assign",
  seq: 5,
  assignment: { processor: 0, requestedAtMs: AT_MS + 105 },
} as const;
