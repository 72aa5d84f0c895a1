/**
 * Positions in the order in which payments ended, which is the order of their commits: the number of the
 * last attempt, of those that ended a payment, and the row of the ledger. The journal keeps as a text how far
 * webhooks have come, readers of events have one in their cursor, and a prune goes no further.
 */

/** Position as `cursorOf` writes it. */
export type Cursor = string;
export type Position = { readonly attempt: number; readonly row: number };

export function cursorOf({ attempt, row }: Position): Cursor {
  return `${attempt}.${row}`;
}

/** Throws on what was never written by `cursorOf`: the journal is not what it was. */
export function positionOf(cursor: Cursor): Position {
  const [, attempt, row] = /^(-?\d{1,16})\.(-?\d{1,16})$/.exec(cursor) ?? [];
  if (attempt === undefined || row === undefined) {
    throw new Error(
      `the journal has the position ${JSON.stringify(cursor)} of events, which is none`,
    );
  }
  return { attempt: Number(attempt), row: Number(row) };
}
