/** Every fact in the file stands twice. */
import type { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { damageIn } from "./damage.ts";
import { assigned, failed, openInline, settle } from "./journal.fixture.ts";
import { planPrune, prune } from "./prune.ts";

function numbered(db: Database, sql: string): string[] {
  return db.query(sql).values().flat() as string[];
}

test("every column of every table is in an index with all others, or compared otherwise", () => {
  /** Columns that copies.ts compares itself. */
  const COMPARED = new Set(["payments.settled_at_ms", "payments.sum", "payments.id", "ledger.*"]);
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

  test("nowhere in a journal that is whole", () => {
    const { db, store } = settledOnes();
    expect(damageIn(db)).toBeNull();
    store.close();
  });

  const columns = [
    "amount_cents",
    "accepted_at_ms",
    "requested_at_ms",
    "settled_at_ms",
    "sum",
    "processor",
  ];
  test.each(columns)("in %s of a settled payment, whichever bit", (column) => {
    const { db, store } = settledOnes();
    for (let bit = 0; bit < 48; bit++) {
      const flip = () =>
        db.run(
          `UPDATE payments SET ${column} = (${column} | (1 << ?1)) - (${column} & (1 << ?1))
           WHERE seq = 2`,
          [bit],
        );
      flip();
      expect(damageIn(db)).toContain("payment 2 has another sum");
      flip();
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
