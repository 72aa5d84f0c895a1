/** What the stream has told, put together: rows come once, or again with everything after a break. */
import type { LaneChange, LiveSecond, LiveSnapshot } from "../shared/live.ts";

const SECONDS_MAX = 300;
const CHANGES_MAX = 1_000;

const SHOWN_MS_MAX = 300_000;
const SHOWN_MS_MIN = 60_000;

/** Five minutes; of a worker that has just been started, as long as it has run. */
export function shownMsOf({ at, startedAt }: LiveSnapshot): number {
  const upMs = Date.parse(at) - Date.parse(startedAt);
  return Math.min(SHOWN_MS_MAX, Math.max(SHOWN_MS_MIN, upMs));
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
