/**
 * Sums of the ledger's full blocks, sealed by the commit that fills them, so that a start need not sum
 * rows. A block that is older than this table, or that a worker of an earlier
 * version has filled since, is summed at the next start.
 */
import type { Database, Statement } from "bun:sqlite";
import { BLOCK_ROWS, type BlockTotals } from "../transitions.ts";
import { blockTotals, type BlockRow } from "./block-totals.ts";

export class SqliteBlocks {
  readonly #db: Database;
  readonly #seal: Statement;
  readonly #read: Statement;
  readonly #purge: Statement;

  constructor(db: Database) {
    this.#db = db;
    this.#seal = db.prepare(
      `INSERT OR REPLACE INTO blocks
       SELECT ?1, processor, min(requested_at_ms), max(requested_at_ms), count(*), sum(amount_cents)
       FROM ledger WHERE row >= ?1 * ${BLOCK_ROWS} AND row < (?1 + 1) * ${BLOCK_ROWS}
       GROUP BY processor`,
    );
    this.#read = db.prepare("SELECT * FROM blocks WHERE block >= ? AND block < ?");
    this.#purge = db.prepare("DELETE FROM blocks");
  }

  /** Seals the block of which the row is the last; to be called for every row, in their order. */
  written(row: number): void {
    if (row % BLOCK_ROWS === BLOCK_ROWS - 1) this.#seal.run(Math.floor(row / BLOCK_ROWS));
  }

  purge(): void {
    this.#purge.run();
  }

  /** Leaves exactly the full blocks between the two rows sealed; called at start, in its transaction. */
  complete(baseRow: number, nextRow: number): void {
    const [first, end] = [baseRow, nextRow].map((row) => Math.floor(row / BLOCK_ROWS));
    this.#db.run("DELETE FROM blocks WHERE block < ?1 OR block >= ?2", [first!, end!]);
    const [[found]] = this.#db.query("SELECT count(DISTINCT block) FROM blocks").values() as [
      [number],
    ];
    if (found === end! - first!) return; // Nearly always, and a tenth of what it takes to name them.
    const sealed = new Set(
      (this.#db.query("SELECT DISTINCT block FROM blocks").values() as [number][]).flat(),
    );
    for (let block = first!; block < end!; block++) {
      if (!sealed.has(block)) this.#seal.run(block);
    }
  }

  /** Gives totals of the blocks from `fromRow`, which is a block's first, up to, not including, `toRow`. */
  totals(fromRow: number, toRow: number, processors: number): BlockTotals[] {
    const [first, end] = [fromRow / BLOCK_ROWS, toRow / BLOCK_ROWS];
    const rows = this.#read.values(first, end) as BlockRow[];
    return blockTotals(rows, first, end, processors);
  }
}
