/**
 * Kinds of processors differ in the calls that they know, and in their words. Places, delays, faults and
 * records are the model's, the same for all; a form is as pure as the model is.
 */
import type { Call, Whole } from "./call.ts";
import type { Order, Read } from "./intake.ts";
import type { Records } from "./records.ts";

/** Request of a call; an answer where it asks for nothing. */
export type Asked = "charge" | "find" | "health" | Whole;

export interface Form {
  asked(call: Call): Asked;
  /** Reads a charge, or gives the answer that says why not. */
  read(call: Call): Read<Order>;
  /** Records a charge, or says that it is there already. */
  record(order: Order, atMs: number, records: Records): Whole;
  find(call: Call, records: Records, nowMs: number): Whole;
  /** Answer of a processor that is set to fail, and records nothing. */
  readonly failed: Whole;
  /** Answer of one in which something broke, before the record or after it. */
  readonly broken: Whole;
  readonly turnedAway: Whole;
}
