/** Sealed blocks have the sums of their rows, through commits that fail, restarts and power cuts. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { BLOCK_ROWS, type Transition } from "../transitions.ts";
import { accept, AT_MS, assigned, NAMES, settle, temporaryFile } from "./journal.fixture.ts";
import { SqliteStore } from "./store.ts";

/** A journal in memory whose process and disk can be made to fail; rows are numbered as the ledger does. */
class Journal {
  #db = new Database(":memory:", { strict: true });
  #synced = this.#db.serialize();
  #seq = 1;
  #row = 0;
  #store = this.#open();

  #open(): SqliteStore {
    const store = new SqliteStore("memory", "off", NAMES, AT_MS, this.#db);
    this.#seq = store.head.nextSeq;
    this.#row = store.head.nextRow;
    return store;
  }

  settle(count: number, jitterMs: number): void {
    this.#store.apply(this.#settling(count, jitterMs));
    this.#seq += count;
    this.#row += count;
  }

  #settling(count: number, jitterMs: number): Transition[] {
    return Array.from({ length: count }, (_, n) => {
      const [seq, row] = [this.#seq + n, this.#row + n];
      const processor = (seq * 7) % 3 === 0 ? 1 : 0;
      const requestedAtMs = AT_MS + seq - ((seq * 7_919) % (jitterMs + 1));
      const amountCents = 1 + ((seq * 31) % 100_000);
      const assignment = { processor, requestedAtMs };
      return [
        accept(seq, { amountCents, assignment }),
        settle(seq, row, { ...assignment, amountCents }),
      ];
    }).flat();
  }

  /** Makes a commit that fails at its end, and with it the blocks that it has filled. */
  fail(count: number): void {
    const transitions = this.#settling(count, 3);
    const twice = settle(this.#seq + count, this.#row);
    const failing = [...transitions, assigned(this.#seq + count), twice];
    expect(() => this.#store.apply(failing)).toThrow("UNIQUE");
  }

  purge(): void {
    this.#row = Math.ceil(this.#row / BLOCK_ROWS) * BLOCK_ROWS;
    this.#store.apply([{ kind: "purge", baseRow: this.#row, atMs: AT_MS }]);
  }

  sync(): void {
    this.#synced = this.#db.serialize();
  }

  restart(): void {
    this.#again(this.#db.serialize());
  }

  powerCut(): void {
    this.#again(this.#synced);
  }

  /** Settles as a worker of an earlier version, which knows nothing of the table. */
  earlierWorker(count: number, purges: boolean): void {
    this.#db.run("CREATE TABLE kept AS SELECT * FROM blocks");
    if (purges) this.purge();
    this.settle(count, 5);
    this.#db.run("DELETE FROM blocks");
    this.#db.run("INSERT INTO blocks SELECT * FROM kept");
    this.#db.run("DROP TABLE kept");
    this.restart();
  }

  #again(file: Uint8Array): void {
    this.#db.close();
    this.#db = Database.deserialize(file, { strict: true });
    this.#store = this.#open();
  }

  sealed(): unknown[] {
    return this.#db.query("SELECT * FROM blocks ORDER BY block, processor").values();
  }

  summed(): unknown[] {
    const full = Math.floor(this.#row / BLOCK_ROWS);
    return this.#db
      .query(
        `SELECT row / ${BLOCK_ROWS} AS block, processor, min(requested_at_ms), max(requested_at_ms),
           count(*), sum(amount_cents)
         FROM ledger WHERE block < ? GROUP BY block, processor ORDER BY block, processor`,
      )
      .values(full);
  }

  close(): void {
    this.#db.close();
  }
}

const rows = fc.oneof(
  fc.integer({ min: 1, max: 2_500 }),
  fc.constantFrom(1, BLOCK_ROWS - 1, BLOCK_ROWS, 2 * BLOCK_ROWS),
);
const step: fc.Arbitrary<(journal: Journal) => void> = fc.oneof(
  { weight: 6, arbitrary: rows.map((n) => (journal: Journal) => journal.settle(n, n % 50)) },
  { weight: 2, arbitrary: rows.map((n) => (journal: Journal) => journal.fail(n)) },
  { weight: 1, arbitrary: fc.constant((journal: Journal) => journal.purge()) },
  { weight: 1, arbitrary: fc.constant((journal: Journal) => journal.sync()) },
  { weight: 1, arbitrary: fc.constant((journal: Journal) => journal.restart()) },
  { weight: 1, arbitrary: fc.constant((journal: Journal) => journal.powerCut()) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(rows, fc.boolean())
      .map((args) => (journal: Journal) => journal.earlierWorker(...args)),
  },
);

test("after settlements, failed commits, purges, restarts, power cuts and earlier workers", () => {
  let seals = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 10 }), (steps) => {
      const journal = new Journal();
      for (const act of steps) {
        act(journal);
        const sealed = journal.sealed();
        expect(sealed).toEqual(journal.summed());
        seals += sealed.length;
      }
      journal.close();
    }),
    { seed: 20_261_125, numRuns: 60 },
  );
  // The property would be worth little if hardly a block were ever full.
  expect(seals).toBeGreaterThan(500);
});

test("a journal of before there were sealed blocks has them after its first start", () => {
  using file = temporaryFile();
  const count = 2 * BLOCK_ROWS + 5;
  const seqs = Array.from({ length: count }, (_, n) => n + 1);
  const before = new SqliteStore(file.path, "off", NAMES, AT_MS);
  before.apply(
    seqs.flatMap((seq) => [assigned(seq, seq % 2), settle(seq, seq - 1, { processor: seq % 2 })]),
  );
  before.close();
  const db = new Database(file.path);
  db.run("DELETE FROM blocks");
  db.close();
  const after = new SqliteStore(file.path, "off", NAMES, AT_MS);
  const half = BLOCK_ROWS / 2;
  expect(after.blocks.totals(0, 2 * BLOCK_ROWS, 2)).toEqual(
    [0, BLOCK_ROWS].map((row) => ({
      minMs: AT_MS + 100 + row + 1,
      maxMs: AT_MS + 100 + row + BLOCK_ROWS,
      counts: [half, half],
      cents: [half * 1990, half * 1990],
    })),
  );
  after.close();
});
