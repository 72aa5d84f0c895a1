/**
 * The last 24 hours, over restarts of the worker: the JSON of `GET /dashboard/history`, and of the file
 * beside the journal that keeps it. Fields are added, not renamed.
 */
import { incident } from "./incident.ts";
import { changeFields, sliceFields } from "./live.ts";
import { counts, either, instant, list, object, type Of } from "./schema.ts";

/** A minute, or less where the worker ended in it; a payment is counted in the one in which it happened. */
const minute = object({ ...sliceFields, settled: counts });

const change = either(object(changeFields.breaker), object(changeFields.mode));

export const history = object({
  /** Instant at which it was told. */
  at: instant,
  /** Minutes in the order of time; there is none for a time in which no worker ran. */
  minutes: list(minute),
  /** Incidents of every thread, the newest first. */
  incidents: list(incident),
  /** Changes of breakers and modes, the newest last. */
  changes: list(change),
});

export type ToldHistory = Of<typeof history>;
export type Minute = Of<typeof minute>;
export type PastChange = Of<typeof change>;
