/**
 * Cursors of events, as texts: a position in the order of what ended, and prints of the two payments that
 * ended there. Numbers of rows are given again after a restore from a copy, and by a ledger that begins
 * anew, so that a position alone could pass over events in silence: a cursor holds in a journal that has
 * the same payments there, and in no other. The beginning has a print of none, and holds as long as the
 * ledger begins where it did.
 */
import {
  BETWEEN,
  nameOfStream,
  positionsOf,
  type Cursor,
  type Position,
} from "../event-position.ts";
import type { Marks, PositionedEnd } from "../events/endings.ts";
import { sealed, unsealed } from "./page-cursor.ts";

export type EventPlace = {
  readonly position: Cursor;
  /** Prints of the payments at the position in each stream; of one that is not there, as before the first. */
  readonly prints: ReadonlyMap<number, Prints>;
};
/** Prints of the payments at an attempt and at a row; null before the first. */
type Prints = Readonly<Record<keyof Position, string | null>>;

const QUESTION = "events";
const NONE = "none";
const NO_PRINTS: Prints = { attempt: null, row: null };
/** Position and prints in a stream, behind its name. */
const FORM_OF_ONE = /(-?\d{1,16}\.-?\d{1,16})\.([0-9a-f]{8}|none)\.([0-9a-f]{8}|none)/;
const FORM = new RegExp(`^${FORM_OF_ONE.source}(?:${BETWEEN}\\d{1,2}:${FORM_OF_ONE.source})*$`);

/** The place before all that is kept. */
export function firstPlace(position: Cursor): EventPlace {
  return { position, prints: new Map() };
}

export function placeBehind(before: EventPlace, { ended, cursor }: PositionedEnd): EventPlace {
  const kind = ended.state === "settled" ? "row" : "attempt";
  const from = positionsOf(before.position);
  for (const [stream, at] of positionsOf(cursor)) {
    // An end moves the position in the stream that it was committed to, and in no other.
    if (from.get(stream)?.[kind] === at[kind]) continue;
    const prints = before.prints.get(stream) ?? NO_PRINTS;
    const moved = { ...prints, [kind]: printOf(ended.correlationId) };
    return { position: cursor, prints: new Map(before.prints).set(stream, moved) };
  }
  throw new Error(`${cursor} is not behind ${before.position}`);
}

export function eventCursorOf({ position, prints }: EventPlace): string {
  const parts = Array.from(positionsOf(position), ([stream, { attempt, row }]) => {
    const own = prints.get(stream) ?? NO_PRINTS;
    const texts = [attempt, row, own.attempt ?? NONE, own.row ?? NONE];
    return nameOfStream(stream) + texts.join(".");
  });
  return sealed(QUESTION, parts.join(BETWEEN));
}

/** Null for what is no cursor of events. */
export function readEventCursor(cursor: string): EventPlace | null {
  const text = unsealed(QUESTION, cursor, FORM);
  if (text === null) return null;
  const positions: string[] = [];
  const prints = new Map<number, Prints>();
  for (const part of text.split(BETWEEN)) {
    const [all, position, attempt, row] = FORM_OF_ONE.exec(part)!;
    const name = part.slice(0, -all.length);
    positions.push(name + position);
    const printOrNone = (print: string | undefined) => (print === NONE ? null : print!);
    prints.set(Number.parseInt(name || "0", 10), {
      attempt: printOrNone(attempt),
      row: printOrNone(row),
    });
  }
  return { position: positions.join(BETWEEN), prints };
}

/** Says why a place does not hold in a journal that is so there; null when it does. */
export function whyNotHeld(place: EventPlace, marks: ReadonlyMap<number, Marks>): string | null {
  for (const [stream, position] of positionsOf(place.position)) {
    const found = marks.get(stream);
    const prints = place.prints.get(stream) ?? NO_PRINTS;
    const why = found === undefined ? ANOTHER : whyNotThere(position, prints, found);
    if (why !== null) return why;
  }
  return null;
}

function whyNotThere(
  { attempt, row }: Position,
  prints: Prints,
  { attemptOf, rowOf, baseRow }: Marks,
): string | null {
  const isFirstRow = prints.row === null;
  if (row < (isFirstRow ? baseRow - 1 : baseRow)) return FORGOTTEN;
  const rowHolds = isFirstRow ? row === baseRow - 1 : prints.row === printOrNull(rowOf);
  const attemptHolds =
    prints.attempt === null ? attempt === 0 : prints.attempt === printOrNull(attemptOf);
  return rowHolds && attemptHolds ? null : ANOTHER;
}

const FORGOTTEN =
  "Events behind this cursor may be forgotten: payments were purged or pruned since it was given. Begin without `after`, or Last-Event-ID.";
const ANOTHER =
  "This cursor is of another journal: a copy was put in its place, or it was begun anew. Begin without `after`, or Last-Event-ID; events come again with the same ids.";

function printOrNull(correlationId: string | null): string | null {
  return correlationId === null ? null : printOf(correlationId);
}

function printOf(correlationId: string): string {
  return Bun.hash.crc32(correlationId).toString(16).padStart(8, "0");
}
