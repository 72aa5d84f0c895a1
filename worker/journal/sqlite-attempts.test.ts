import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import fc from "fast-check";
import { SqliteStore } from "./store.ts";
import type { Transition } from "../transitions.ts";

const AT_MS = Date.UTC(2026, 0, 1);
const uuid = (n: number) => `4a7901b8-7d26-4d9d-aa19-${String(n).padStart(12, "0")}`;

function accept(seq: number): Transition {
  const assignment = { processor: 0, requestedAtMs: AT_MS };
  const payment = { correlationId: uuid(seq), amountCents: 1_990 };
  return { kind: "accept", seq, ...payment, acceptedAtMs: AT_MS, assignment };
}

function failed(seq: number, n: number): Transition {
  const attempt = { atMs: AT_MS + n, processor: 0, outcome: "unknown", reason: `${n}` } as const;
  return { kind: "unknown", seq, attempt };
}

function open(db = new Database(":memory:", { strict: true })) {
  const store = new SqliteStore("memory", "off", ["default"], AT_MS, db);
  const kept = (seq: number) =>
    (db.query("SELECT reason FROM attempts WHERE seq = ? ORDER BY rowid").values(seq) as string[][])
      .flat()
      .map(Number);
  const leftOut = (seq: number) =>
    db
      .query<{ count: number }, [number]>("SELECT count FROM attempts_left_out WHERE seq = ?")
      .get(seq)?.count ?? 0;
  return { db, store, kept, leftOut };
}

test("of each payment the first and the last attempts are kept, and all are counted", () => {
  const attempts = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 60 });
  fc.assert(
    fc.property(attempts, (seqs) => {
      const { store, kept, leftOut } = open();
      store.apply([accept(1), accept(2), accept(3)]);
      for (const [n, seq] of seqs.entries()) store.apply([failed(seq, n)]);
      for (const seq of [1, 2, 3]) {
        const all = seqs.flatMap((one, n) => (one === seq ? [n] : []));
        expect(kept(seq)).toEqual(all.length <= 6 ? all : [...all.slice(0, 3), ...all.slice(-3)]);
        expect(leftOut(seq)).toBe(Math.max(0, all.length - 6));
      }
      store.close();
    }),
    { numRuns: 50 },
  );
});

test("a journal that kept them all is opened as it is, and shrinks with each attempt", () => {
  const { db, store } = open();
  store.apply([accept(1), accept(2)]);
  const insert = db.prepare("INSERT INTO attempts VALUES (?, ?, 0, 'unknown', ?)");
  for (let n = 0; n < 1_000; n++) {
    insert.run(1, AT_MS + n, `${n}`);
    if (n < 5) insert.run(2, AT_MS + n, `${n}`);
  }
  const again = open(db);
  expect(again.kept(1)).toHaveLength(1_000);
  for (let n = 1_000; n < 1_100; n++) {
    const before = again.kept(1).length;
    again.store.apply([failed(1, n)]);
    expect(before - again.kept(1).length).toBeLessThanOrEqual(63);
    expect(again.kept(1).length + again.leftOut(1)).toBe(n + 1);
  }
  expect(again.kept(1)).toEqual([0, 1, 2, 1_097, 1_098, 1_099]);
  expect(again.kept(2)).toEqual([0, 1, 2, 3, 4]);
  again.store.close();
});

test("a commit that fails leaves out nothing", () => {
  const { store, kept, leftOut } = open();
  store.apply([accept(1), ...Array.from({ length: 6 }, (_, n) => failed(1, n))]);
  const settle = { kind: "settle", row: 0, processor: 0, requestedAtMs: AT_MS } as const;
  const settled = { ...settle, amountCents: 1_990, settledAtMs: AT_MS };
  store.apply([accept(2), { ...settled, seq: 2 }]);
  expect(() => store.apply([failed(1, 6), { ...settled, seq: 1 }])).toThrow("UNIQUE");
  expect([kept(1), leftOut(1)]).toEqual([[0, 1, 2, 3, 4, 5], 0]);
  store.close();
});
