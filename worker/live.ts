/** What the pipeline says of itself to the http thread, at most once a second and only if it is asked. */
import type { LiveLane, LiveSnapshot } from "../shared/http-api/live.ts";

/** Up to where the http thread has it: the answer holds what came after. */
export type LiveQuestion = { readonly afterSecond: number; readonly afterChange: number };

/** All but what the http thread knows by itself. */
export type LiveReading = Omit<LiveSnapshot, "notReady" | "gone" | "lanes"> & {
  readonly lanes: readonly Omit<LiveLane, "settled">[];
};

/** Kept of each second, and of each lane's changes. */
export const SECONDS_KEPT = 300;
export const CHANGES_KEPT = 200;
