import { expect, test } from "bun:test";
import { temporaryDirectory } from "../journal/journal.fixture.ts";
import { SqliteReader } from "../journal/sqlite-reader.ts";
import { openDatabase } from "../journal/store.ts";
import type { ProcessorModel } from "../../simulator/processor.ts";
import { centsOf, FIRST_MS, idOf, NAMES } from "./books.fixture.ts";
import { recordedAs, requestedAtMsOf, settledJournal } from "./books.fixture.ts";
import { compare } from "./compare.ts";
import { openToRead } from "../format.ts";
import { settledIn } from "./file.ts";
import { JournalBooks } from "./ours.ts";
import { BEGIN_MS, type Theirs } from "./theirs.ts";

const ROWS = 20_000;
const ATTEMPT_MS_MAX = 30_000;
const EVERYTHING = { fromMs: BEGIN_MS, toMs: FIRST_MS + ROWS };
/** Settled at `default`, and so is every multiple that tests use. */
const SEQ = 4_321;
/** Settled at `fallback`. */
const SEQ_ELSEWHERE = 9_000;

class Books implements Disposable {
  readonly #directory = temporaryDirectory();
  readonly path = this.#directory.file();
  readonly model: ProcessorModel;
  calls = 0;

  constructor() {
    settledJournal(this.path, ROWS);
    this.model = recordedAs(this.path, 0);
  }

  /** Changes the processor's record of a payment; null takes it away. */
  plant(seq: number, change: { amountCents?: number; requestedAtMs?: number } | null): void {
    const rows = [...this.model.records.values()];
    this.model.records.purge();
    for (const row of rows) {
      if (row.correlationId !== idOf(seq)) this.model.records.insert(row);
      else if (change !== null) this.model.records.insert({ ...row, ...change });
    }
  }

  record(correlationId: string, amountCents: number, requestedAtMs: number): void {
    const row = { correlationId, amountCents, requestedAtMs, recordedAtMs: 0 };
    expect(this.model.records.insert(row)).toBe(true);
  }

  run(sql: string, ...values: (string | number)[]): void {
    const db = openDatabase(this.path, "off");
    db.run(sql, values);
    db.close();
  }

  async audit({ parts = 1, calls = 10_000 } = {}) {
    using db = openToRead(this.path);
    const { summary } = settledIn(db, NAMES.length);
    const ours = new JournalBooks(new SqliteReader(db), summary, 0, ATTEMPT_MS_MAX);
    const sides = { ours, theirs: this.#theirs(), names: NAMES, processor: 0 };
    return await compare("default", sides, EVERYTHING, { parts, calls });
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }

  #theirs(): Theirs {
    const { records } = this.model;
    return {
      totals: async ({ fromMs, toMs }) => {
        this.calls++;
        const { count, amountCents } = records.totals(fromMs, toMs);
        return { count, cents: amountCents };
      },
      find: async (id) => {
        this.calls++;
        const row = records.get(id);
        return row === undefined
          ? null
          : { cents: row.amountCents, requestedAtMs: row.requestedAtMs };
      },
    };
  }
}

const iso = (atMs: number) => new Date(atMs).toISOString();

test("equal books cost one call, and give what both have", async () => {
  using books = new Books();
  const audit = await books.audit();
  const sum = books.model.records.totals(null, null);
  expect(audit).toMatchObject({ state: "equal", differing: [], windows: [], pending: 0 });
  expect(audit.ours).toEqual({ count: sum.count, cents: sum.amountCents });
  expect(audit.theirs).toEqual(audit.ours);
  expect(audit.equalUpTo).toBe(iso(EVERYTHING.toMs));
  expect(books.calls).toBe(1);
});

test("a missing, an extra and a wrong amount are found by id among many, with few calls", async () => {
  using books = new Books();
  books.plant(SEQ, null);
  books.plant(SEQ * 3, { amountCents: centsOf(SEQ * 3) + 1 });
  books.record(idOf(SEQ_ELSEWHERE), centsOf(SEQ_ELSEWHERE), requestedAtMsOf(SEQ_ELSEWHERE));
  const audit = await books.audit();
  expect(audit.state).toBe("drift");
  expect(audit.differing).toMatchObject([
    { correlationId: idOf(SEQ), kind: "missing", oursCents: centsOf(SEQ), theirsCents: null },
    {
      correlationId: idOf(SEQ_ELSEWHERE),
      kind: "extra",
      oursCents: null,
      theirsCents: centsOf(SEQ_ELSEWHERE),
      status: "settled",
      processor: "fallback",
    },
    {
      correlationId: idOf(SEQ * 3),
      kind: "amount",
      oursCents: centsOf(SEQ * 3),
      theirsCents: centsOf(SEQ * 3) + 1,
    },
  ]);
  expect(audit.differing).toHaveLength(3);
  expect(audit.windows).toEqual([]);
  expect(books.calls).toBeLessThan(150);
});

test("a payment that moved in time is one difference, not a missing and an extra one", async () => {
  using books = new Books();
  const later = requestedAtMsOf(SEQ) + 3_000;
  books.plant(SEQ, { requestedAtMs: later });
  const audit = await books.audit({ parts: 16 });
  expect(audit.differing).toMatchObject([
    { correlationId: idOf(SEQ), kind: "time", theirsRequestedAt: iso(later) },
  ]);
  expect(audit.windows).toEqual([]);
});

test("one that is nobody's is told by its millisecond, count and cents", async () => {
  using books = new Books();
  const atMs = requestedAtMsOf(SEQ);
  const here = books.model.records.totals(atMs, atMs);
  books.record(crypto.randomUUID(), 777, atMs);
  const audit = await books.audit();
  expect(audit).toMatchObject({ state: "drift", differing: [] });
  const ours = { count: here.count, cents: here.amountCents };
  expect(audit.windows).toEqual([
    {
      from: iso(atMs),
      to: iso(atMs),
      ours,
      theirs: { count: ours.count + 1, cents: ours.cents + 777 },
    },
  ]);
});

test("one that a refused attempt has left there is found by that attempt", async () => {
  using books = new Books();
  // `default` was tried first, at an instant of which only the attempt's end was kept here.
  const atMs = requestedAtMsOf(SEQ_ELSEWHERE) - 40;
  books.run("INSERT INTO attempts VALUES (?, ?, 0, 'refused', '500')", SEQ_ELSEWHERE, atMs + 25);
  books.record(idOf(SEQ_ELSEWHERE), centsOf(SEQ_ELSEWHERE), atMs);
  const audit = await books.audit();
  expect(audit.differing).toMatchObject([
    { correlationId: idOf(SEQ_ELSEWHERE), kind: "extra", theirsRequestedAt: iso(atMs) },
  ]);
  expect(audit.windows).toEqual([]);
});

test("what is unknown here and recorded there is no drift", async () => {
  using books = new Books();
  books.run("DELETE FROM ledger WHERE seq = ?", SEQ);
  books.run("INSERT INTO ledger SELECT ?, 1, 1, 0, 1", SEQ - 1);
  books.run("UPDATE payments SET state = 2 WHERE seq = ?", SEQ);
  expect(await books.audit()).toMatchObject({ state: "equal", differing: [], pending: 1 });
});

test("what is in conflict here and recorded there is", async () => {
  using books = new Books();
  books.run("DELETE FROM ledger WHERE seq = ?", SEQ);
  books.run("INSERT INTO ledger SELECT ?, 1, 1, 0, 1", SEQ - 1);
  books.run("UPDATE payments SET state = 6 WHERE seq = ?", SEQ);
  const audit = await books.audit();
  expect(audit.state).toBe("drift");
  expect(audit.differing).toMatchObject([{ correlationId: idOf(SEQ), kind: "extra" }]);
});

test("differences that cancel out are seen in parts, and only there", async () => {
  using books = new Books();
  books.plant(SEQ, null);
  books.record(crypto.randomUUID(), centsOf(SEQ), requestedAtMsOf(ROWS - 100));
  expect((await books.audit()).state).toBe("equal");
  const audit = await books.audit({ parts: 16 });
  expect(audit.differing).toMatchObject([{ correlationId: idOf(SEQ), kind: "missing" }]);
  expect(audit.windows).toHaveLength(1);
});

test("a processor that has lost everything costs no more than the budget", async () => {
  using books = new Books();
  books.model.records.purge();
  const audit = await books.audit({ calls: 200 });
  expect(audit.state).toBe("drift");
  expect(books.calls).toBeLessThan(260);
  expect(audit.differing.length).toBeGreaterThan(50);
  // Payments that nobody was asked about are reported as windows, so that nothing is left out.
  const lost = audit.windows.reduce((sum, { ours, theirs }) => sum + ours.count - theirs.count, 0);
  expect(lost + audit.differing.length).toBe(audit.ours.count);
});
