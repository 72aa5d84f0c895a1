/** Makes the columns of a process that has no ledger in memory, for the rows that a journal has now. */
import { allocateLedger, BLOCK_ROWS, LedgerWriter } from "../ledger.ts";

/** The smallest ring: older rows are read from the journal when a window cuts through their block. */
export const SLOTS = 4 * BLOCK_ROWS;

/** `firstInRing` is the first row that is to be restored as such; blocks before it, by their totals. */
export function ringFor(
  baseRow: number,
  nextRow: number,
  processors: number,
): { readonly ledger: LedgerWriter; readonly firstInRing: number } {
  const lastBlock = Math.floor(nextRow / BLOCK_ROWS) * BLOCK_ROWS;
  const ledger = new LedgerWriter(allocateLedger(SLOTS, processors, lastBlock + 2 * BLOCK_ROWS));
  ledger.startAt(baseRow);
  return { ledger, firstInRing: Math.max(baseRow, lastBlock - SLOTS + BLOCK_ROWS) };
}
