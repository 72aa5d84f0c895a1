/**
 * Fills the ledger's ring behind a start over a file, the newest rows first. This thread reads the journal, and the
 * one that writes the ledger puts the rows in: no other knows which slots newer rows are taking just then.
 */
import type { Log } from "../../shared/log.ts";
import { isCorruption } from "../corruption.ts";
import { JournalUnreachable, type RowRange } from "../journal-reader.ts";
import type { LedgerCursor } from "../ledger.ts";
import { BLOCK_ROWS } from "../limits.ts";
import type { LedgerRows } from "../transitions.ts";

/** Bounds what the writing thread does at a time: a tenth of a millisecond. */
const ROWS_AT_ONCE = 16 * BLOCK_ROWS;
const TRY_AGAIN_MS = 500;

export type FillParts = {
  readonly cursor: Pick<LedgerCursor, "unfilled">;
  /** Gives rows of the journal; throws JournalUnreachable while it is not to be read. */
  readonly rowsOf: (fromRow: number, toRow: number) => LedgerRows | Promise<LedgerRows>;
  /** Has the writer take them; resolves when it has. */
  readonly fill: (range: RowRange, rows: LedgerRows) => Promise<void>;
  readonly isOver: () => boolean;
  /** Called when the journal is not what was written to it. */
  readonly onCorruption: (message: string) => void;
  readonly log: Pick<Log, "error">;
};

/**
 * Resolves when the ring is full, or has all there is, or a row cannot be read: questions that need it are told so,
 * each, and nobody else misses it.
 */
export async function fillRing(parts: FillParts): Promise<void> {
  const { cursor, rowsOf, fill, isOver, onCorruption, log } = parts;
  while (!isOver()) {
    const range = cursor.unfilled(ROWS_AT_ONCE);
    const { fromRow, toRow } = range;
    if (fromRow === toRow) return;
    try {
      const rows = await rowsOf(fromRow, toRow);
      // A purge has taken them away meanwhile; or they are missing, which every question that needs them tells.
      if (rows.requestedAtMs.length !== toRow - fromRow) return;
      await fill(range, rows);
    } catch (error) {
      if (isCorruption(error)) return onCorruption(error.message);
      if (!(error instanceof JournalUnreachable)) {
        return log.error({ err: error, fromRow, toRow }, "the ledger's ring stays as it is");
      }
      await Bun.sleep(TRY_AGAIN_MS);
    }
  }
}
