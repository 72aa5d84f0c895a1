/** Every fact in the file stands twice. */
import type { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { PAYMENT_STATES } from "../transitions.ts";
import { FACTS } from "./copies.ts";
import { damageIn } from "./damage.ts";
import { accept, assign, assigned, failed, openInline, settle } from "./journal.fixture.ts";
import { planPrune, prune } from "./prune.ts";

function numbered(db: Database, sql: string): string[] {
  return db.query(sql).values().flat() as string[];
}

test.each([
  ["another source", "UPDATE sources SET source = 'tok_2' WHERE seq = 1"],
  ["another print", "UPDATE sources SET print = (print + 1) % 65536 WHERE seq = 1"],
  ["a source of an ended payment", "UPDATE sources SET source = 'tok_1' WHERE seq = 2"],
  ["a source of nobody", "INSERT INTO sources VALUES (9, 1, NULL)"],
])("%s is damage", (_, change) => {
  const { db, store } = openInline(":memory:");
  store.apply([assigned(1, 0, { source: "tok_1" }), assigned(2, 0, { source: "tok_1" })]);
  store.apply([settle(2, 0, { hasSource: true })]);
  expect(damageIn(db)).toBeNull();
  db.run(change);
  expect(damageIn(db)).toMatch(/the source of payment \d is not its own/);
  store.close();
});

test("every column of every table is in an index with all others, or compared otherwise", () => {
  /** Columns that copies.ts compares itself. */
  const COMPARED = new Set([
    ...["id", "sum", ...FACTS].map((column) => `payments.${column}`),
    "ledger.*",
    "stragglers.*",
    "sources.source",
  ]);
  const { db, store } = openInline(":memory:");
  const uncovered: string[] = [];
  for (const table of numbered(db, "SELECT name FROM sqlite_schema WHERE type = 'table'")) {
    const columns = numbered(db, `SELECT name FROM pragma_table_info('${table}')`).filter(
      (name) => !COMPARED.has(`${table}.${name}`) && !COMPARED.has(`${table}.*`),
    );
    const indexes = numbered(db, `SELECT name FROM pragma_index_list('${table}')`).map((index) =>
      // The row's own number is in every index, without a name.
      numbered(db, `SELECT coalesce(name, 'number') FROM pragma_index_xinfo('${index}')`),
    );
    const isCovered = (index: string[]) => columns.every((name) => index.includes(name));
    if (columns.length > 0 && !indexes.some(isCovered)) uncovered.push(table);
  }
  expect(uncovered).toEqual([]);
  store.close();
});

describe("a number that is another one is found", () => {
  const settledOnes = () => {
    const opened = openInline(":memory:");
    const processor = 0;
    opened.store.apply([assigned(1), assigned(2), assigned(3), assigned(4)]);
    opened.store.apply([settle(1, 0, { processor }), settle(2, 1, { processor })]);
    opened.store.apply([failed("unknown", 3), settle(3, 2, { processor })]);
    return opened;
  };

  /** Payments 1 to 8 are in every state, one of them held without a processor. */
  const STATES = 8;
  const inEveryState = () => {
    const opened = openInline(":memory:");
    const intervention = { atMs: 1, who: "ana", action: "hold", why: "test", evidence: null };
    const hold = (seq: number) => ({ kind: "hold", seq, intervention }) as const;
    opened.store.apply([1, 2, 3, 4, 5, 6].map((seq) => assigned(seq)));
    opened.store.apply([accept(7), accept(8)]);
    opened.store.apply([2, 3].map((seq) => failed("unknown", seq)));
    opened.store.apply([
      hold(3),
      settle(4, 0),
      failed("reject", 5),
      failed("conflict", 6),
      hold(7),
    ]);
    const states = numbered(opened.db, "SELECT DISTINCT state FROM payments");
    expect(states).toHaveLength(PAYMENT_STATES.length);
    return opened;
  };

  test("nowhere in a journal that is whole", () => {
    const { db, store } = settledOnes();
    expect(damageIn(db)).toBeNull();
    store.close();
  });

  const flip = (db: Database, table: string, column: string, bit: number, seq: number) =>
    db.run(
      `UPDATE ${table} SET ${column} = (${column} | (1 << ?1)) - (${column} & (1 << ?1)) WHERE seq = ?2`,
      [bit, seq],
    );
  const NUMBERS = FACTS.filter((fact) => fact !== "seq");

  test.each([...NUMBERS, "sum"])("in %s of a payment in any state, whichever bit", (column) => {
    const { db, store } = inEveryState();
    for (let seq = 1; seq <= STATES; seq++) {
      const has = db.query(`SELECT ${column} FROM payments WHERE seq = ?`).values(seq);
      if (has[0]?.[0] === null) continue;
      for (let bit = 0; bit < 48; bit++) {
        flip(db, "payments", column, bit, seq);
        expect(damageIn(db)).toContain(`payment ${seq} has another sum`);
        flip(db, "payments", column, bit, seq);
      }
    }
    expect(damageIn(db)).toBeNull();
    store.close();
  });

  test("in the number of a payment, whichever bit", () => {
    const { db, store } = inEveryState();
    for (let bit = 4; bit < 48; bit++) {
      for (let seq = 1; seq <= STATES; seq++) {
        db.run("UPDATE payments SET seq = seq + (1 << ?1) WHERE seq = ?2", [bit, seq]);
        expect(damageIn(db)).toContain("has another sum");
        db.run("UPDATE payments SET seq = ?2 WHERE seq = ?2 + (1 << ?1)", [bit, seq]);
      }
    }
    expect(damageIn(db)).toBeNull();
    store.close();
  });

  test.each(["processor", "requested_at_ms", "settled_at_ms", "sum"])(
    "in %s of a payment in any state, which is none, or is one where there is none",
    (column) => {
      const { db, store } = inEveryState();
      for (let seq = 1; seq <= STATES; seq++) {
        const [[was]] = db.query(`SELECT ${column} FROM payments WHERE seq = ?`).values(seq) as [
          [number | null],
        ];
        // Earlier versions have settled payments without a sum, and no other fact is less for it.
        const isSettled = db.query("SELECT 1 FROM payments WHERE seq = ? AND state = 4").get(seq);
        if (column === "sum" && isSettled !== null) continue;
        const set = db.prepare(`UPDATE payments SET ${column} = ? WHERE seq = ?`);
        set.run(was === null ? 0 : null, seq);
        expect(damageIn(db)).toContain(`payment ${seq} has another sum`);
        set.run(was, seq);
      }
      expect(damageIn(db)).toBeNull();
      store.close();
    },
  );

  test.each(FACTS.filter((fact) => fact !== "seq" && fact !== "state"))(
    "in %s, also when the payment has moved since",
    (column) => {
      const { db, store } = settledOnes();
      store.apply([assigned(5), accept(6)]);
      for (const seq of [5, 6]) {
        db.run(`UPDATE payments SET ${column} = ifnull(${column}, 0) + 64 WHERE seq = ?`, [seq]);
      }
      store.apply([failed("unknown", 5), settle(5, 3), assign(6), failed("release", 6)]);
      expect(damageIn(db)).toContain("payment 5 has another sum");
      store.close();
    },
  );

  test("in the table of stragglers", () => {
    const { db, store } = settledOnes();
    db.run("UPDATE meta SET value = 4 WHERE key = 'recent_from_seq'");
    expect(damageIn(db)).toBeNull();
    for (const [wrong, right] of [
      ["INSERT INTO stragglers VALUES (2)", "DELETE FROM stragglers"],
      ["INSERT INTO stragglers VALUES (4)", "DELETE FROM stragglers"],
      ["INSERT INTO stragglers VALUES (7)", "DELETE FROM stragglers"],
      [
        "UPDATE meta SET value = 5 WHERE key = 'recent_from_seq'",
        "INSERT INTO stragglers VALUES (4)",
      ],
    ] as const) {
      db.run(wrong);
      expect(damageIn(db)).toContain("the table of stragglers has or lacks payment");
      db.run(right);
      expect(damageIn(db)).toBeNull();
    }
    store.close();
  });

  test.each(["seq", "processor", "requested_at_ms", "amount_cents"])(
    "in %s of the ledger",
    (column) => {
      const { db, store } = settledOnes();
      db.run(`UPDATE ledger SET ${column} = ${column} + 8 WHERE row = 1`);
      expect(damageIn(db)).toContain("row 1 of the ledger is not what its payment says");
      store.close();
    },
  );

  test.each(["seq", "amount_cents", "accepted_at_ms", "processor", "sum"])(
    "in %s of a pruned payment",
    (column) => {
      const { db, store } = settledOnes();
      store.apply([{ kind: "purge", baseRow: 256, atMs: 0 }]);
      for (const _ of prune(db, planPrune(db, Number.MAX_SAFE_INTEGER)));
      expect(damageIn(db)).toBeNull();
      db.run(`UPDATE payments SET ${column} = ${column} + 8 WHERE seq = 2`);
      expect(damageIn(db)).toMatch(/payment (2|10) has another sum/);
      store.close();
    },
  );

  test.each(["requested_at_ms = 0", "settled_at_ms = 0", "sum = NULL"])(
    "in a pruned payment with %s",
    (change) => {
      const { db, store } = settledOnes();
      store.apply([{ kind: "purge", baseRow: 256, atMs: 0 }]);
      for (const _ of prune(db, planPrune(db, Number.MAX_SAFE_INTEGER)));
      db.run(`UPDATE payments SET ${change} WHERE seq = 2`);
      expect(damageIn(db)).toContain("payment 2 has another sum");
      store.close();
    },
  );

  test("in the number of a ledger's row", () => {
    const { db, store } = settledOnes();
    db.run("UPDATE ledger SET row = 8 WHERE row = 2");
    expect(damageIn(db)).toContain("the ledger's 3 rows are not consecutive");
    store.close();
  });

  test("in when an open payment was settled, which it was not", () => {
    const { db, store } = settledOnes();
    db.run("UPDATE payments SET settled_at_ms = 0 WHERE seq = 4");
    expect(damageIn(db)).toContain("payment 4 has another sum");
    store.close();
  });
});
