/**
 * Cursors of events, as texts: a position in the order of what ended, and prints of the two payments that
 * ended there. Numbers of rows are given again after a restore from a copy, and by a ledger that begins
 * anew, so that a position alone could pass over events in silence: a cursor holds in a journal that has
 * the same payments there, and in no other. The beginning has a print of none, and holds as long as the
 * ledger begins where it did.
 */
import { positionOf, type Cursor } from "../event-position.ts";
import type { Marks, PositionedEnd } from "../events/endings.ts";
import { sealed, unsealed } from "./page-cursor.ts";

export type EventPlace = {
  readonly position: Cursor;
  /** Prints of the payments at the position's attempt and row; null before the first. */
  readonly attemptPrint: string | null;
  readonly rowPrint: string | null;
};

const QUESTION = "events";
const NONE = "none";
/** Position and prints. */
const FORM = /^(-?\d{1,16}\.-?\d{1,16})\.([0-9a-f]{8}|none)\.([0-9a-f]{8}|none)$/;

/** The place before all that is kept. */
export function firstPlace(position: Cursor): EventPlace {
  return { position, attemptPrint: null, rowPrint: null };
}

export function placeBehind(before: EventPlace, { ended, cursor }: PositionedEnd): EventPlace {
  const print = printOf(ended.correlationId);
  const moved = ended.state === "settled" ? { rowPrint: print } : { attemptPrint: print };
  return { ...before, ...moved, position: cursor };
}

export function eventCursorOf({ position, attemptPrint, rowPrint }: EventPlace): string {
  return sealed(QUESTION, [position, attemptPrint ?? NONE, rowPrint ?? NONE].join("."));
}

/** Null for what is no cursor of events. */
export function readEventCursor(cursor: string): EventPlace | null {
  const text = unsealed(QUESTION, cursor, FORM);
  const [, position, ...prints] = FORM.exec(text ?? "") ?? [];
  if (position === undefined) return null;
  const [attemptPrint, rowPrint] = prints.map((print) => (print === NONE ? null : print));
  return { position, attemptPrint: attemptPrint!, rowPrint: rowPrint! };
}

/** Says why a place does not hold in a journal that is so there; null when it does. */
export function whyNotHeld(place: EventPlace, { attemptOf, rowOf, baseRow }: Marks): string | null {
  const { attempt, row } = positionOf(place.position);
  const isFirstRow = place.rowPrint === null;
  if (row < (isFirstRow ? baseRow - 1 : baseRow)) return FORGOTTEN;
  const rowHolds = isFirstRow ? row === baseRow - 1 : place.rowPrint === printOrNull(rowOf);
  const attemptHolds =
    place.attemptPrint === null ? attempt === 0 : place.attemptPrint === printOrNull(attemptOf);
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
