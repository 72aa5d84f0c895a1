/**
 * An incident as readers of the dashboard are told of it: without its details, which may hold addresses
 * that are nobody's business on the way through an API. The log has all of it.
 */
import { boolean, counts, instant, object, oneOf, orNull, text, whole, type Of } from "./schema.ts";

export const incident = object({
  /** Kind and message, as in the log and in docs/OPERATIONS.md. */
  incident: text,
  message: text,
  level: oneOf("warn", "error"),
  /** The processor that it is about; null where it is about none. */
  processor: orNull(text),
  /** The reason, in the words of a disk or a processor; null where the message says all. */
  reason: orNull(text),
  began: instant,
  /** Null while it lasts. */
  ended: orNull(instant),
  /** True when it lasted until the worker ended: the end is when that was last known. */
  cutShort: boolean,
  /** Time that it lasted, up to now while it lasts. */
  durationMs: whole,
  /** Number of times that it has begun: one that comes and goes is one incident. */
  times: whole,
  /** Counters that have grown meanwhile, and by how much. */
  cost: counts,
});

export type ToldIncident = Of<typeof incident>;
