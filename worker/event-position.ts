/**
 * Positions in the order in which payments ended, which is the order of their commits: the number of the
 * last attempt, of those that ended a payment, and the row of the ledger, in each stream of commits. A file
 * has the stream 0 alone; in a database each worker commits to its own. The journal keeps as a text how far
 * webhooks have come, readers of events have one in their cursor, and a prune goes no further.
 */

/** Position as `cursorOf` writes it. */
export type Cursor = string;
export type Position = { readonly attempt: number; readonly row: number };
/** Positions by stream; of one that is not there nothing has been read. */
export type Positions = ReadonlyMap<number, Position>;

/** Writes a position in a file. */
export function cursorOf(position: Position): Cursor {
  return cursorIn(new Map([[0, position]]));
}

/** Writes the positions in all streams, of which the first is one. */
export function cursorIn(positions: Positions): Cursor {
  return Array.from(positions, ([stream, { attempt, row }]) => {
    return `${nameOfStream(stream)}${attempt}.${row}`;
  }).join(BETWEEN);
}

/** Reads a position in a file. Throws as `positionsOf`. */
export function positionOf(cursor: Cursor): Position {
  return positionsOf(cursor).get(0)!;
}

/** Throws on what was never written by `cursorIn`: the journal is not what it was. */
export function positionsOf(cursor: Cursor): Positions {
  const positions = new Map<number, Position>();
  for (const part of cursor.split(BETWEEN)) {
    const [, stream = "0", attempt, row] = POSITION.exec(part) ?? [];
    if (attempt === undefined || row === undefined) break;
    positions.set(Number(stream), { attempt: Number(attempt), row: Number(row) });
  }
  if (positions.has(0) && cursorIn(positions) === cursor) return positions;
  throw new Error(
    `the journal has the position ${JSON.stringify(cursor)} of events, which is none`,
  );
}

/** Begins what is said of a stream; nothing for the first, which all have. */
export function nameOfStream(stream: number): string {
  return stream === 0 ? "" : `${stream}:`;
}

/** Stands between what is said of two streams. */
export const BETWEEN = "_";
const POSITION = /^(?:(\d{1,2}):)?(-?\d{1,16})\.(-?\d{1,16})$/;
