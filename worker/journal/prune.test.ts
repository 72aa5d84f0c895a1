/** A prune forgets what is settled and old, keeps every id, and leaves a whole journal at any moment. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { settledIn } from "../audit/file.ts";
import { BLOCK_ROWS, type Transition } from "../transitions.ts";
import { damageIn } from "./damage.ts";
import {
  accept,
  assigned,
  AT_MS,
  failed,
  failedWebhook,
  NAMES,
  openInline,
  settle,
  temporaryDirectory,
  temporaryFile,
  uuid,
} from "./journal.fixture.ts";
import { planPrune, prune, stepsOf } from "./prune.ts";
import { cursorOf } from "../event-position.ts";
import { SqliteSource } from "../webhooks/sqlite-source.ts";
import { SqliteReader } from "./sqlite-reader.ts";

const SETTLED = 3 * BLOCK_ROWS;
/** Payment n is requested 100 ms after its acceptance, and is row n - 1. */
const requestedAtMs = (n: number) => AT_MS + 100 + n;
/** Into the third block: two go. */
const BEFORE_MS = requestedAtMs(2 * BLOCK_ROWS + 10);
const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);
const said = { atMs: AT_MS, who: "ana", action: "hold", why: "test", evidence: null };
const OPEN = numbers(SETTLED + 1, SETTLED + 6);
const [ACCEPTED, ASSIGNED, UNKNOWN, HELD, REJECTED, CONFLICT] = OPEN as [
  number,
  number,
  number,
  number,
  number,
  number,
];

/** Payments in every state, all of them older than the instant but some of the settled ones. */
const HISTORY: Transition[] = [
  ...numbers(1, SETTLED).map((n) => assigned(n, n % 2)),
  failed("unknown", 2, 0),
  ...[3, SETTLED].map((n) => ({ kind: "ask", seq: n, intervention: said }) as const),
  ...numbers(1, SETTLED).map((n) => settle(n, n - 1, { processor: n % 2 })),
  accept(ACCEPTED, { acceptedAtMs: AT_MS }),
  ...[ASSIGNED, UNKNOWN, HELD, REJECTED, CONFLICT].map((n) =>
    accept(n, { acceptedAtMs: AT_MS, assignment: { processor: 0, requestedAtMs: AT_MS } }),
  ),
  failed("unknown", UNKNOWN),
  failed("unknown", HELD),
  { kind: "hold", seq: HELD, intervention: said },
  failed("reject", REJECTED),
  failed("conflict", CONFLICT),
];

function history(path: string) {
  const opened = openInline(path);
  for (let i = 0; i < HISTORY.length; i += 512) opened.store.apply(HISTORY.slice(i, i + 512));
  return opened;
}

const rowsOf = (db: Database, sql: string) => db.query(sql).values();
const openOnes = (db: Database) => rowsOf(db, "SELECT * FROM payments WHERE state <> 4");
const sumsFrom = (db: Database, fromMs: number) =>
  settledIn(db, NAMES.length).summary.read({ fromMs, toMs: Number.POSITIVE_INFINITY });

test("what is settled and older loses its rows, times and attempts; all else stays", async () => {
  using file = temporaryFile();
  await using opened = history(file.path);
  const { db } = opened;
  const open = openOnes(db);
  const plan = planPrune(db, BEFORE_MS);
  expect(plan).toMatchObject({
    baseRow: 0,
    endRow: 2 * BLOCK_ROWS,
    exactFromMs: requestedAtMs(2 * BLOCK_ROWS) + 1,
    sums: NAMES.map((processor) => {
      return { processor, payments: BLOCK_ROWS, cents: BLOCK_ROWS * 1_990 };
    }),
    attempts: 1,
    kept: 9,
  });
  const exactFromMs = plan.exactFromMs as number;
  const sums = sumsFrom(db, exactFromMs);
  const steps = [...prune(db, plan, BLOCK_ROWS)];
  expect(steps.at(-1)).toBe(stepsOf(plan));
  expect(steps.length).toBeGreaterThan(4);

  expect(damageIn(db)).toBeNull();
  expect(openOnes(db)).toEqual(open);
  expect(sumsFrom(db, exactFromMs)).toEqual(sums);
  expect(await new SqliteReader(db).forgottenUpToMs()).toBe(exactFromMs - 1);
  expect(rowsOf(db, "SELECT count(*), min(row) FROM ledger")).toEqual([
    [BLOCK_ROWS, 2 * BLOCK_ROWS],
  ]);
  expect(rowsOf(db, "SELECT min(block), max(block) FROM blocks")).toEqual([[2, 2]]);
  expect(rowsOf(db, "SELECT DISTINCT seq FROM attempts ORDER BY seq").flat()).toEqual(
    [UNKNOWN, HELD, REJECTED, CONFLICT].toSorted((a, b) => a - b),
  );
  const decided = "SELECT seq FROM interventions ORDER BY seq";
  expect(rowsOf(db, decided).flat()).toEqual([3, SETTLED, HELD]);
  const journal = new SqliteReader(db);
  expect(await journal.payment(uuid(1))).toMatchObject({
    amountCents: 1_990,
    state: "settled",
    processor: 1,
    acceptedAtMs: AT_MS + 1,
    requestedAtMs: null,
    settledAtMs: null,
  });
  expect((await journal.payment(uuid(SETTLED)))?.settledAtMs).not.toBeNull();
  expect(planPrune(db, BEFORE_MS)).toMatchObject({ sums: [], attempts: 0, exactFromMs });
});

test("a start goes on behind it: ids are known, rows follow, and a purge begins sums anew", async () => {
  using directory = temporaryDirectory();
  {
    await using before = history(directory.file());
    for (const _ of prune(before.db, planPrune(before.db, BEFORE_MS)));
  }
  await using opened = openInline(directory.file());
  const { db, store } = opened;
  expect(store.head).toMatchObject({
    baseRow: 2 * BLOCK_ROWS,
    nextRow: SETTLED,
    nextSeq: CONFLICT + 1,
    prunedBeforeMs: requestedAtMs(2 * BLOCK_ROWS) + 1,
  });
  const again = (n: number, amountCents: number) =>
    accept(CONFLICT + 1, { correlationId: uuid(n), amountCents });
  const answers = [again(1, 1_990), again(1, 1_991), settle(1, SETTLED, { processor: 1 })];
  expect(store.apply(answers)).toEqual([
    { kind: "duplicate" },
    { kind: "conflict" },
    { kind: "moved", state: "settled" },
  ]);
  store.apply([settle(ASSIGNED, SETTLED, { requestedAtMs: AT_MS })]);
  expect(damageIn(db)).toBeNull();
  store.apply([{ kind: "purge", baseRow: 4 * BLOCK_ROWS, atMs: AT_MS + 5_000 }]);
  expect(rowsOf(db, "SELECT 1 FROM meta WHERE key = 'pruned_before_ms'")).toEqual([]);
  expect(await new SqliteReader(db).forgottenUpToMs()).toBe(AT_MS + 5_000);
  // Payments that a purge took out of the ledger may be forgotten as well.
  for (const _ of prune(db, planPrune(db, BEFORE_MS)));
  const left = "SELECT count(*) FROM payments WHERE state = 4 AND requested_at_ms IS NOT NULL";
  expect(rowsOf(db, left)).toEqual([[BLOCK_ROWS - 9]]);
  expect(damageIn(db)).toBeNull();
});

test("stopped after any transaction, it leaves a whole journal, and the next run does the rest", () => {
  const { db, store } = history(":memory:");
  const whole = db.serialize();
  const [...steps] = prune(db, planPrune(db, BEFORE_MS), BLOCK_ROWS);
  const facts = (of: Database) =>
    ["payments", "ledger", "blocks", "attempts", "interventions", "meta"].map((table) =>
      rowsOf(of, `SELECT * FROM ${table} ORDER BY 1, 2`),
    );
  const wanted = facts(db);
  for (let stop = 0; stop < steps.length; stop++) {
    using half = Database.deserialize(whole, { strict: true });
    const run = prune(half, planPrune(half, BEFORE_MS), BLOCK_ROWS);
    for (let step = 0; step <= stop; step++) run.next();
    expect(damageIn(half)).toBeNull();
    half.run("DROP TABLE IF EXISTS temp.kept");
    for (const _ of prune(half, planPrune(half, BEFORE_MS), BLOCK_ROWS));
    expect(facts(half)).toEqual(wanted);
  }
  store.close();
});

test("a row that a clock which ran ahead has dated later keeps nothing back, and is summed as before", () => {
  const { db, store } = history(":memory:");
  const [ahead, aheadMs] = [5, BEFORE_MS + 86_400_000];
  for (const table of ["ledger", "payments"]) {
    db.run(`UPDATE ${table} SET requested_at_ms = ? WHERE seq = ?`, [aheadMs, ahead]);
  }
  const plan = planPrune(db, BEFORE_MS);
  const exactFromMs = requestedAtMs(2 * BLOCK_ROWS) + 1;
  expect(plan).toMatchObject({ endRow: 2 * BLOCK_ROWS, moved: 1, kept: 9, exactFromMs });
  const sums = sumsFrom(db, exactFromMs);
  expect(sums).toEqual(sumsFrom(db, plan.exactFromMs as number));
  const status = "SELECT requested_at_ms, settled_at_ms IS NULL FROM payments WHERE seq = 5";
  const before = rowsOf(db, status);
  for (const _ of prune(db, plan, BLOCK_ROWS));
  expect(sumsFrom(db, exactFromMs)).toEqual(sums);
  expect(rowsOf(db, "SELECT row FROM ledger WHERE seq = 5")).toEqual([[SETTLED]]);
  expect(rowsOf(db, status)).toEqual(before);
  expect(rowsOf(db, "SELECT count(*), min(row), max(row) FROM ledger")).toEqual([
    [BLOCK_ROWS + 1, 2 * BLOCK_ROWS, SETTLED],
  ]);
  expect(planPrune(db, BEFORE_MS)).toMatchObject({ endRow: 2 * BLOCK_ROWS, moved: 0 });
  store.close();
});

test("nothing goes that is as old as the instant, and blocks go whole", () => {
  const { db, store } = history(":memory:");
  expect(planPrune(db, AT_MS)).toMatchObject({ endRow: 0, sums: [], exactFromMs: null, kept: 0 });
  expect(planPrune(db, requestedAtMs(BLOCK_ROWS))).toMatchObject({ endRow: 0, kept: 255 });
  expect(planPrune(db, requestedAtMs(BLOCK_ROWS) + 1)).toMatchObject({ endRow: BLOCK_ROWS });
  store.close();
});

/** Webhooks have told all up to a row, but for the first payment, which is tried again. */
function toldUpTo(row: number, endedAtMs: number | null = null): Transition {
  const cursor = cursorOf({ attempt: 0, row });
  const changes = { cursor, target: "shop", endedAtMs, put: [failedWebhook(1)], drop: [] };
  return { kind: "webhooks", changes };
}

test("what a shop was not told yet stays, and it is told all of it afterwards", async () => {
  using directory = temporaryDirectory();
  await using opened = history(directory.file());
  const { db, store } = opened;
  const toldRow = BLOCK_ROWS + 20;
  store.apply([toldUpTo(toldRow)]);
  const source = new SqliteSource(db);
  const { cursor } = (await source.state())!;
  const untold = await source.after(cursor, SETTLED);
  expect(untold).toHaveLength(SETTLED - toldRow - 1 + [REJECTED, CONFLICT].length);
  const plan = planPrune(db, BEFORE_MS);
  expect(plan).toMatchObject({
    endRow: BLOCK_ROWS,
    kept: BLOCK_ROWS + 9,
    untold: { payments: BLOCK_ROWS, stay: true },
  });
  for (const _ of prune(db, plan));
  expect(damageIn(db)).toBeNull();
  expect(await source.withinReach(cursor)).toBe(cursor);
  expect(await source.after(cursor, SETTLED)).toEqual(untold);
  expect(await source.retrying()).toEqual([failedWebhook(1)]);
  // Once it is told the rest goes.
  store.apply([toldUpTo(SETTLED - 1)]);
  expect(planPrune(db, BEFORE_MS)).toMatchObject({
    endRow: 2 * BLOCK_ROWS,
    untold: { payments: 0 },
  });
});

test("nothing is kept for a shop that wants to be told no more, or when that is asked for", () => {
  const { db, store } = history(":memory:");
  store.apply([toldUpTo(20)]);
  const whole = { endRow: 2 * BLOCK_ROWS, kept: 9 };
  expect(planPrune(db, BEFORE_MS)).toMatchObject({
    endRow: 0,
    untold: { payments: 2 * BLOCK_ROWS, stay: true },
  });
  expect(planPrune(db, BEFORE_MS, { forgetsUntold: true })).toMatchObject({
    ...whole,
    untold: { payments: 2 * BLOCK_ROWS, stay: false },
  });
  store.apply([toldUpTo(20, AT_MS)]);
  expect(planPrune(db, BEFORE_MS)).toMatchObject({ ...whole, untold: { payments: 0 } });
  store.close();
});

test("references and sources stay: a repeated payment with another of either is a conflict as before", () => {
  const { db, store } = openInline(":memory:");
  const carried = { source: "tok_1", reference: "order 1" };
  store.apply(numbers(1, 2 * BLOCK_ROWS).map((n) => assigned(n, 0, carried)));
  store.apply(numbers(1, BLOCK_ROWS + 10).map((n) => settle(n, n - 1, { hasSource: true })));
  const facts = () => [
    rowsOf(db, "SELECT seq, reference FROM payments ORDER BY seq"),
    rowsOf(db, "SELECT * FROM sources ORDER BY seq"),
  ];
  const before = facts();
  for (const _ of prune(db, planPrune(db, AT_MS + 100_000)));
  expect(rowsOf(db, "SELECT count(*) FROM ledger")).toEqual([[10]]);
  expect(facts()).toEqual(before);
  expect(damageIn(db)).toBeNull();
  const again = (more: object) => {
    const next = { ...carried, ...more, correlationId: uuid(1) };
    return store.apply([accept(2 * BLOCK_ROWS + 1, next)])[0]?.kind;
  };
  expect(again({})).toBe("duplicate");
  expect(again({ source: "tok_2" })).toBe("conflict");
  expect(again({ reference: "order 2" })).toBe("conflict");
  // A payment that is not settled is sent with its source by the next start.
  expect([...store.open()].every(({ source }) => source === carried.source)).toBe(true);
  store.close();
});
