/**
 * Cursors of lists, as texts: the place that a page goes on from, with a sum over it and over the question
 * that it belongs to. A text that was cut, changed or made up, or that goes with another question, is told
 * from one that was given. It is no secret and no permission: whoever may ask may ask from anywhere.
 */

export type Place = {
  /** Requested from this instant on, or not at all: the front. */
  readonly frontFromMs: number;
  /** The last payment that was listed: null as its instant while it is one of the front. */
  readonly beforeMs: number | null;
  readonly beforeSeq: number;
};

/** Stands for a place in the front. */
const IN_FRONT = -1;

/** `question` is any text that is equal for equal questions. */
export function cursorOf(question: string, place: Place): string {
  const { frontFromMs, beforeMs, beforeSeq } = place;
  return sealed(question, [frontFromMs, beforeMs ?? IN_FRONT, beforeSeq].join("."));
}

/** Null for what is no cursor of this question. */
export function readCursor(question: string, cursor: string): Place | null {
  const text = unsealed(question, cursor, FORM);
  if (text === null) return null;
  const [frontFromMs, ms, beforeSeq] = text.split(".").map(Number) as Numbers;
  return { frontFromMs, beforeMs: ms === IN_FRONT ? null : ms, beforeSeq };
}

type Numbers = [number, number, number];
const FORM = /^(?:-?\d{1,16}\.){2}\d{1,16}$/;

/** A text with its sum, as a cursor. */
export function sealed(question: string, text: string): string {
  return Buffer.from(`${text}.${sumOf(question, text)}`).toString("base64url");
}

/** Null for what was not sealed for this question, or is not of the form. */
export function unsealed(question: string, cursor: string, form: RegExp): string | null {
  const decoded = Buffer.from(cursor, "base64url");
  const text = decoded.subarray(0, -SUM_BYTES).toString("latin1");
  const isOurs = form.test(text) && sealed(question, text) === cursor;
  return isOurs ? text : null;
}

/** A dot and eight digits. */
const SUM_BYTES = 9;

function sumOf(question: string, text: string): string {
  return Bun.hash.crc32(`${question}\n${text}`).toString(16).padStart(8, "0");
}
