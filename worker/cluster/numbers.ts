/**
 * Numbers of payments that several workers accept at once. Each is greater than all that its worker gave
 * before, no two workers give the same, and as they follow the clocks, lists by number are nearly lists by
 * time, whoever accepted what: a time in milliseconds, a count within it, and the worker's stream, of which
 * a worker is the only owner. A clock that is set back, or too many in a millisecond, only make the time
 * run ahead. A range of numbers for each worker was refused: lists would have one worker's after another's.
 *
 *   41 bits of milliseconds since 2026, until 2095 │ 6 bits of count │ 6 bits of stream
 */
import { STREAMS } from "../limits.ts";

const BEGIN_MS = Date.UTC(2026, 0, 1);
const COUNTS = 64;

/** Gives the number after `last`, which may be any worker's. */
export function numberAfter(last: number, stream: number, nowMs: number): number {
  const place = Math.max(Math.floor(last / STREAMS) + 1, Math.floor(nowMs - BEGIN_MS) * COUNTS);
  return place * STREAMS + stream;
}

/** Gives how far numbers come in so many milliseconds. */
export function numbersIn(ms: number): number {
  return ms * COUNTS * STREAMS;
}
