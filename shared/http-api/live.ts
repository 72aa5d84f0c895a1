/**
 * Figures that the worker shows of itself while somebody watches: the JSON of `GET /dashboard/live`, once
 * with `?once` or `Accept: application/json`, else as an event stream with one `live` event a second.
 *
 * The page, `worker top` and scripts read it. Fields are added, not renamed. Instants are ISO 8601 in
 * UTC, money is whole cents, and everything under `seconds` and `changes` has a number that grows by one:
 * the first event of a stream, and every single answer, holds all that is kept; later events hold what is
 * new since the one before.
 */
import { lacking } from "./lacking.ts";
import { incident } from "./incident.ts";
import {
  boolean,
  cents,
  either,
  instant,
  list,
  number,
  object,
  oneOf,
  orNull,
  text,
  whole,
  type Of,
  type SchemaOf,
} from "./schema.ts";
import { money } from "./money.ts";
import { standing } from "./standing.ts";
import { tariff } from "./tariff.ts";
import { webhooks } from "./webhooks.ts";

/** The mode that an operator has set. */
export const mode = oneOf("auto", "drained", "forced");
export const breaker = oneOf("closed", "half-open", "open");
/** Payments settled since the last purge, by the ledger. */
export const sum = object({ count: whole, cents });

const quantiles = object({ p50Ms: number, p99Ms: number, payments: whole });

const backlog = object({
  /** Payments that are accepted and not settled, nor final in another way. */
  open: whole,
  /** Payments are turned away beyond it. */
  max: whole,
  /** Age of the oldest open payment that nobody holds. */
  oldestSeconds: { type: "number", minimum: 0 } as SchemaOf<number>,
  states: object({
    /** Payments on their way to the disk; not acknowledged yet. */
    accepting: whole,
    queued: whole,
    assigned: whole,
    unknown: whole,
    held: whole,
  }),
  /** Payments that are final, for an operator to read; so is `conflict`. */
  rejected: whole,
  conflict: whole,
});

const lane = object({
  name: text,
  /** Share of an amount; `tariff` is all that it charges. */
  fee: number,
  tariff,
  mode,
  /** Nothing is sent there: it has another address than its open payments were sent to. */
  moved: boolean,
  breaker,
  latencyMs: number,
  inFlight: whole,
  limit: whole,
  /** The reason why it could not be reached when it was asked for its health, or null. */
  unreachable: orNull(text),
  /** Payments of a restored journal that wait until it can be asked. */
  unasked: whole,
  /** Promises that its kind does without. */
  lacks: list(lacking),
  settled: sum,
});

/** A slice of time and what happened in it. */
export const sliceFields = {
  /** Instant of its end. */
  at: instant,
  spanMs: number,
  accepted: whole,
  /** Time from arrival to verdict; null when there was none. */
  p50Ms: orNull(number),
  p99Ms: orNull(number),
  /** Payments at its end; of a minute, the most at the end of one of its seconds. So is `unknown`. */
  open: whole,
  unknown: whole,
};
/**
 * A second of the pipeline; it is longer than that when the pipeline was kept from its work.
 * `settled` is by lane.
 */
const second = object({ number: whole, upMs: whole, ...sliceFields, settled: list(whole) });

const changed = { at: instant, processor: text, cause: text };
/** A change of a lane's breaker, or of what an operator has set for it, with its cause. */
export const changeFields = {
  breaker: { ...changed, kind: oneOf("breaker"), from: breaker, to: breaker },
  mode: { ...changed, kind: oneOf("mode"), from: mode, to: mode },
};
const numbered = { number: whole, upMs: whole };
const change = either(
  object({ ...numbered, ...changeFields.breaker }),
  object({ ...numbered, ...changeFields.mode }),
);

export const live = object(
  {
    at: instant,
    startedAt: instant,
    /** Time since the start, by a clock that nobody sets, as of each second and change: `at` may step. */
    upMs: whole,
    /** The reason why `/readyz` is red, or null. */
    notReady: orNull(text),
    /** How the gateway stands, in words. */
    standing,
    /** Time from the arrival of a payment at the worker to its verdict, over the last ten seconds. */
    untilDurable: orNull(quantiles),
    backlog,
    journal: object({
      /** The reason why the last commit failed, or null. */
      trouble: orNull(text),
      /** Transitions that wait for their commit. */
      queued: whole,
      /** It is a copy that was put in place of a lost one, and no operator has trusted it yet. */
      restored: boolean,
    }),
    link: object({
      /** Senders, in the last seconds, of frames that were made with another secret. */
      strangers: whole,
    }),
    /** Step of the wall clock in the last minutes; null when nobody set it. */
    clockStepMs: orNull(number),
    /** Lanes in the configured order. */
    lanes: list(lane),
    /** Fees of all that is settled since the last purge; null while they are being added up. */
    money: orNull(money),
    /** Processors that are not configured any more and have settled payments. */
    gone: list(object({ name: text, count: whole, cents })),
    seconds: list(second),
    changes: list(change),
    /** The newest incidents first, those from before a restart too; every event holds all of them. */
    incidents: list(incident),
  },
  {
    /** How webhooks fare; absent when they are off. */
    webhooks,
  },
);

export type LiveSnapshot = Of<typeof live>;
export type Quantiles = Of<typeof quantiles>;
export type LiveTotals = Of<typeof sum>;
export type BreakerKind = Of<typeof breaker>;
export type LaneMode = Of<typeof mode>;
export type LiveLane = Of<typeof lane>;
export type LiveSecond = Of<typeof second>;
export type LaneChange = Of<typeof change>;
