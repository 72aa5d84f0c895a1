/** The pipeline's report to the http thread, at most once a second and only if it is asked. */
import type { Incident } from "../shared/incidents.ts";
import type { LiveLane, LiveSecond, LiveSnapshot } from "../shared/http-api/live.ts";

/** Question that names what the http thread has already: the answer holds what came after. */
export type LiveQuestion = { readonly afterSecond: number; readonly afterChange: number };

/** Reading of all but what the http thread knows by itself. */
export type LiveReading = Omit<
  LiveSnapshot,
  "notReady" | "standing" | "gone" | "lanes" | "money" | "incidents"
> & {
  readonly lanes: readonly Omit<LiveLane, "settled">[];
  /** The newest minutes: those that are over, and the one under way with what it has so far. */
  readonly minutes: readonly LiveMinute[];
  /** The pipeline's incidents: all that last, and the newest that are over. */
  readonly incidents: readonly Incident[];
  /** Number of things for the history that have happened, these included. */
  readonly news: number;
};

/** A minute as the pipeline counts them, from one on; told again it has become longer. */
export type LiveMinute = Omit<LiveSecond, "upMs">;

/** Number of seconds that are kept, and of each lane's changes. */
export const SECONDS_KEPT = 300;
export const CHANGES_KEPT = 200;
