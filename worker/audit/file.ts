/**
 * Reads a journal's file beside the process that writes it. A process without a ledger in
 * memory builds the columns from it: whole blocks by their totals, the last rows one by one.
 */
import type { Database } from "bun:sqlite";
import { SqliteLedger } from "../journal/sqlite-ledger.ts";
import { BLOCK_ROWS } from "../ledger.ts";
import { SummaryReader } from "../summary.ts";
import type { OwnBooks } from "./own-books.ts";
import { ringFor } from "./ring.ts";

export function namesIn(db: Database): string[] {
  const rows = db.query("SELECT name FROM processors ORDER BY number").values() as [string][];
  return rows.map(([name]) => name);
}

/** Reads all that is settled in the file at this moment. */
export function settledIn(db: Database, processors: number): Pick<OwnBooks, "memory" | "summary"> {
  const [ends] = db.query("SELECT min(row), max(row) FROM ledger").values();
  const [min, max] = ends as [number | null, number | null];
  const baseRow = Math.floor((min ?? 0) / BLOCK_ROWS) * BLOCK_ROWS;
  const nextRow = (max ?? -1) + 1;
  const { ledger, firstInRing } = ringFor(baseRow, nextRow, processors);
  const rows = new SqliteLedger(db);
  for (let row = baseRow; row < firstInRing; row += BLOCK_ROWS) {
    ledger.restoreBlock(rows.totals(row, row + BLOCK_ROWS, processors));
  }
  ledger.restoreRows(rows.rows(firstInRing, nextRow));
  const { memory } = ledger;
  const oldSums = rows.sumsOf.bind(rows);
  const summary = new SummaryReader(memory, (from, to) => rows.rows(from, to), { oldSums });
  return { memory, summary };
}
