/**
 * A day of a calendar in a time zone, as the instants that it has. Days of 23 or 25 hours come of clocks
 * that are put forward or back, also at midnight.
 */
import { parseInstant } from "../../worker/http/window.ts";
import type { Instants } from "../../worker/journal-reader.ts";

const DAY_MS = 86_400_000;
/** Zones are less than a day away from UTC. */
const AROUND_MS = 2 * DAY_MS;

/** Gives its first and its last millisecond; null for a day that does not exist. */
export function instantsOfDay(day: string, timeZone: string): Instants | null {
  const inUtc = parseInstant("day", `${day}T00:00:00Z`);
  if ("reason" in inUtc) return null;
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  });
  const fromMs = firstOf(format, inUtc.atMs);
  const nextMs = firstOf(format, inUtc.atMs + DAY_MS);
  // Samoa left one out.
  return fromMs === nextMs ? null : { fromMs, toMs: nextMs - 1 };
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false; // There is no other reason.
  }
}

/** The first instant at which a calendar there shows a day, which begins then in UTC, or a later one. */
function firstOf(format: Intl.DateTimeFormat, middleMs: number): number {
  const day = new Date(middleMs).toISOString().slice(0, 10);
  let [beforeMs, atMs] = [middleMs - AROUND_MS, middleMs + AROUND_MS];
  while (atMs - beforeMs > 1) {
    const halfMs = Math.floor((beforeMs + atMs) / 2);
    if (format.format(halfMs) >= day) atMs = halfMs;
    else beforeMs = halfMs;
  }
  return atMs;
}
