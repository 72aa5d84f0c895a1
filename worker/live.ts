/** The pipeline's report to the http thread, at most once a second and only if it is asked. */
import type { LiveLane, LiveSnapshot } from "../shared/http-api/live.ts";

/** Question that names what the http thread has already: the answer holds what came after. */
export type LiveQuestion = { readonly afterSecond: number; readonly afterChange: number };

/** Reading of all but what the http thread knows by itself. */
export type LiveReading = Omit<LiveSnapshot, "notReady" | "standing" | "gone" | "lanes"> & {
  readonly lanes: readonly Omit<LiveLane, "settled">[];
};

/** Number of seconds that are kept, and of each lane's changes. */
export const SECONDS_KEPT = 300;
export const CHANGES_KEPT = 200;
