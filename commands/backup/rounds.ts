/**
 * Copies in a folder, one after the other: how each is named, when the next one is due, and which are to
 * go. Only what has such a name is ever removed.
 */
import { basename } from "node:path";
import { readStamp, stampOf } from "../../worker/journal/stamp.ts";

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const PERIOD_MS_MAX = 7 * UNITS_MS.d;
/** A round that failed is tried again this soon, if the period is longer. */
const AGAIN_MS = UNITS_MS.m;

/** Reads `15m`; null when it is none, or longer than a week. */
export function periodMsOf(text: string): number | null {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const periodMs = Number(count) * UNITS_MS[unit as keyof typeof UNITS_MS];
  return periodMs > 0 && periodMs <= PERIOD_MS_MAX ? periodMs : null;
}

/** The name of a copy of this journal, without its folder. */
export function nameOf(journal: string, atMs: number): string {
  return `${stemOf(journal)}${stampOf(atMs)}.db`;
}

/** The instant in such a name; null when it is none. */
export function atMsOf(journal: string, name: string): number | null {
  const stem = stemOf(journal);
  if (!name.startsWith(stem) || !name.endsWith(".db")) return null;
  return readStamp(name.slice(stem.length, -".db".length));
}

/** The copies among all names of the folder, the newest first. */
export function copiesAmong(journal: string, names: readonly string[]): string[] {
  return names
    .filter((name) => atMsOf(journal, name) !== null)
    .sort()
    .toReversed();
}

/** A start that is not the first one waits until the newest copy is old enough. */
export function firstDueMs(newestAtMs: number | null, nowMs: number, periodMs: number): number {
  if (newestAtMs === null || newestAtMs > nowMs) return nowMs;
  return Math.max(nowMs, newestAtMs + periodMs);
}

export function nextDueMs(startedMs: number, nowMs: number, periodMs: number, failed: boolean) {
  return failed ? nowMs + Math.min(periodMs, AGAIN_MS) : Math.max(nowMs, startedMs + periodMs);
}

function stemOf(journal: string): string {
  return `${basename(journal).replace(/\.[^.]*$/, "")}-`;
}
