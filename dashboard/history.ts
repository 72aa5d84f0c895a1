/** Puts together what the stream has told: rows come once, or again with everything after a break. */
import type { LaneChange, LiveSecond, LiveSnapshot } from "../shared/http-api/live.ts";

const SECONDS_MAX = 300;
const CHANGES_MAX = 1_000;

const SHOWN_MS_MAX = 300_000;
const SHOWN_MS_MIN = 60_000;

/** Five minutes, or as long as a worker has run that has just been started. */
export function shownMsOf({ upMs }: LiveSnapshot): number {
  return Math.min(SHOWN_MS_MAX, Math.max(SHOWN_MS_MIN, upMs));
}

/**
 * Instant of an event by the clock as it is now. An event noted before that clock was set would
 * stand in the future, or hours apart from what came just after it.
 */
export function atMsOf(event: { readonly upMs: number }, { at, upMs }: LiveSnapshot): number {
  return Date.parse(at) - (upMs - event.upMs);
}

export class History {
  seconds: LiveSecond[] = [];
  changes: LaneChange[] = [];
  #startedAt = "";

  /** A worker that was started again counts from one. */
  add({ startedAt, seconds, changes }: LiveSnapshot): void {
    if (startedAt !== this.#startedAt) {
      this.#startedAt = startedAt;
      this.seconds = [];
      this.changes = [];
    }
    this.seconds = joined(this.seconds, seconds).slice(-SECONDS_MAX);
    this.changes = joined(this.changes, changes).slice(-CHANGES_MAX);
  }
}

function joined<Row extends { readonly number: number }>(
  known: Row[],
  more: readonly Row[],
): Row[] {
  const newest = known.at(-1)?.number ?? 0;
  const fresh = more.filter(({ number }) => number > newest);
  return fresh.length === 0 ? known : [...known, ...fresh];
}
