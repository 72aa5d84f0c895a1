/**
 * Reads from the journal what webhooks are made of: payments in the order in which they ended, how far
 * webhooks have come, and those that failed. A payment ends once: by its row in the ledger, or by its last
 * attempt, which was rejected or in conflict. Rows are numbered as they are committed, and so are attempts,
 * so that a position is two numbers, and whatever is committed later has a greater one.
 */
import type { FailedWebhook } from "../transitions.ts";
import type { Cursor } from "./deliveries.ts";
import type { Ended } from "./event.ts";

export type PositionedEnd = { readonly ended: Ended; readonly cursor: Cursor };

/** State of webhooks in the journal; null where there were none yet. */
export type WebhooksState = {
  readonly cursor: Cursor;
  /** Fingerprint of the address that they went to. */
  readonly target: string;
  readonly endedAtMs: number | null;
};

export type ListedWebhooks = {
  readonly retrying: number;
  readonly givenUp: number;
  /** Webhooks that failed: given up before those that are tried again, the oldest first. */
  readonly deliveries: readonly Omit<FailedWebhook, "body">[];
};

export interface WebhookSource {
  state(): Promise<WebhooksState | null>;
  /** Webhooks that are to be tried again, of which there is a bounded number. */
  retrying(): Promise<FailedWebhook[]>;
  list(limit: number): Promise<ListedWebhooks>;
  /** The next that ended behind a position. */
  after(cursor: Cursor, limit: number): Promise<PositionedEnd[]>;
  /** Position behind all that has ended by now. */
  end(): Promise<Cursor>;
  /** Position before all that has ended since an instant; by the clock of the worker that wrote it. */
  since(instantMs: number): Promise<Cursor>;
  /**
   * The same position, or the nearest that there is: the ledger's rows may have been numbered anew after a
   * purge, and the last attempts pruned.
   */
  withinReach(cursor: Cursor): Promise<Cursor>;
  close(): Promise<void>;
}

export type Position = { readonly attempt: number; readonly row: number };

export function cursorOf({ attempt, row }: Position): Cursor {
  return `${attempt}.${row}`;
}

/** Throws on what was never written by `cursorOf`: the journal is not what it was. */
export function positionOf(cursor: Cursor): Position {
  const [, attempt, row] = /^(-?\d{1,16})\.(-?\d{1,16})$/.exec(cursor) ?? [];
  if (attempt === undefined || row === undefined) {
    throw new Error(
      `the journal has the position ${JSON.stringify(cursor)} of webhooks, which is none`,
    );
  }
  return { attempt: Number(attempt), row: Number(row) };
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
