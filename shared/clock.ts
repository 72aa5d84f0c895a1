/**
 * Time, as the parts that need it see it. Cores take `nowMs` as an argument; only edges hold a clock,
 * and the simulation gives them its own.
 */
import { alarms } from "./alarms.ts";

export interface Clock {
  /** Milliseconds since 1970, whole; may step. For instants that people and processors see. */
  wallMs(): number;
  /** Milliseconds since some start; never steps back. For spans, deadlines and retries. */
  steadyMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
};

/** The first multiple of `everyMs` after an instant. What is due at such goes off together. */
export const nextMultipleMs = (everyMs: number, afterMs: number) =>
  (Math.floor(afterMs / everyMs) + 1) * everyMs;

/** Part of a time by which what is not urgent may come sooner, when its thread is awake anyway. */
const SLACK = 0.2;

/**
 * Calls once, in so many milliseconds at the latest, unless what it gives is called before. It comes up to a
 * fifth sooner, or another part, if something else wakes the thread then; the end of the process does not wait
 * for it.
 */
export function atTheLatestIn(ms: number, call: () => void, slack = SLACK): () => void {
  const slackMs = slack * ms;
  return alarms.at(systemClock.steadyMs() + ms - slackMs, call, false, slackMs);
}

/** Calls again and again in this way, until what it gives is called. */
export function recurring(everyMs: number, call: () => void, slack = SLACK): () => void {
  let off = () => {};
  const set = () => {
    off = atTheLatestIn(everyMs, fire, slack);
  };
  const fire = () => {
    set();
    call();
  };
  set();
  return () => off();
}

const SECOND_MS = 1_000;
const ENDS = Array.from({ length: SECOND_MS }, (_, ms) => `${String(ms).padStart(3, "0")}Z`);

/**
 * Makes a writer of instants as ISO 8601, which throws a RangeError for what is none; a part of a millisecond
 * is left out. It keeps the second that it wrote last: of instants that follow each other most lie in one.
 */
export function instants(): (atMs: number) => string {
  let second = Number.NaN;
  let written = "";
  return (atMs) => {
    const now = Math.floor(atMs / SECOND_MS);
    if (now !== second) {
      written = new Date(now * SECOND_MS).toISOString().slice(0, -4);
      second = now;
    }
    return written + ENDS[Math.floor(atMs - now * SECOND_MS)]!;
  };
}

export const iso = instants();
