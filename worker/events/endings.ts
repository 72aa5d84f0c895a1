/**
 * Reads from the journal what events are made of: payments in the order in which they ended. A payment ends
 * once: by its row in the ledger, or by its last attempt, which was rejected or in conflict. Rows are
 * numbered as they are committed, and so are attempts, so that a position is two numbers, and whatever is
 * committed later has a greater one. Webhooks are one reader of it, and GET /events is the other.
 */
import type { Cursor } from "../event-position.ts";
import type { Ended } from "./event.ts";

export type PositionedEnd = { readonly ended: Ended; readonly cursor: Cursor };

/** The journal as it is at a position. */
export type Marks = {
  /** Payment of the attempt, and of the ledger's row, at the position; null where there is none. */
  readonly attemptOf: string | null;
  readonly rowOf: string | null;
  /** The first row that is not forgotten. */
  readonly baseRow: number;
};

export interface Endings {
  /** The next that ended behind a position; fewer than `limit` do not mean that there are no more, unless there are none. */
  after(cursor: Cursor, limit: number): Promise<PositionedEnd[]>;
  /** Position before all that is kept. */
  begin(): Promise<Cursor>;
  /** Position behind all that has ended by now. */
  end(): Promise<Cursor>;
  /** Position before all that has ended since an instant; by the clock of the worker that wrote it. */
  since(instantMs: number): Promise<Cursor>;
  /**
   * The same position, or the nearest that there is: the ledger's rows may have been numbered anew after a
   * purge, and the last attempts pruned.
   */
  withinReach(cursor: Cursor): Promise<Cursor>;
  marks(cursor: Cursor): Promise<Marks>;
  close(): Promise<void>;
}

/** Finds the first row of `fromRow` up to `toRow` that is not before: rows are in order, but for steps of the clock. */
export async function firstRow(
  fromRow: number,
  toRow: number,
  isBefore: (row: number) => boolean | Promise<boolean>,
): Promise<number> {
  let [low, high] = [fromRow, toRow];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
