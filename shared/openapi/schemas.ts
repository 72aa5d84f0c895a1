/** What goes over HTTP, as JSON Schema. */
import { UUID_TEXT } from "../payment.ts";
import type { Schema } from "./json.ts";

function object(properties: Record<string, Schema>, optional: readonly string[] = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required, additionalProperties: false };
}

const whole = { type: "integer", minimum: 0 };
const cents = { type: "integer" };
const orNull = (schema: { readonly type: string }) => ({ ...schema, type: [schema.type, "null"] });
const textType = { type: "string" };
const boolean = { type: "boolean" };
const number = { type: "number" };
const instant = { type: "string", format: "date-time" };
const list = (items: Schema) => ({ type: "array", items });
const oneOf = (...values: string[]) => ({ type: "string", enum: values });
const to = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const nullable = (schema: Schema) => ({ anyOf: [schema, { type: "null" }] });

/** In the form that ids are given back in. */
const id = { type: "string", pattern: UUID_TEXT };
/** As a JSON number with two decimals. */
const amount = { type: "number", minimum: 0.01, multipleOf: 0.01 };
export const STATES = [
  "accepted",
  "assigned",
  "unknown",
  "held",
  "settled",
  "rejected",
  "conflict",
] as const;
const MODES = ["auto", "drained", "forced"];
const BREAKERS = ["closed", "half-open", "open"];

const sum = object({ count: whole, cents });
const payment = {
  correlationId: id,
  amount,
  status: oneOf(...STATES),
  processor: textType,
  requestedAt: instant,
  acceptedAt: instant,
  settledAt: instant,
};
const PAYMENT_OPTIONAL = ["processor", "requestedAt", "settledAt"];
const quantiles = object({ p50Ms: number, p99Ms: number, payments: whole });

/** A payment as a shop posts it; `amountMax` is a setting of the API. */
export function paymentRequest(amountMax: number) {
  return object({
    correlationId: { type: "string", pattern: UUID_TEXT.replaceAll("a-f", "a-fA-F") },
    amount: { ...amount, maximum: amountMax },
  });
}

const breakerChange = { from: oneOf(...BREAKERS), to: oneOf(...BREAKERS) };
const modeChange = { from: oneOf(...MODES), to: oneOf(...MODES) };
const change = (kind: string, fromTo: Record<string, Schema>) =>
  object({
    number: whole,
    at: instant,
    upMs: whole,
    processor: textType,
    cause: textType,
    kind: oneOf(kind),
    ...fromTo,
  });

const attempt = object({ at: instant, processor: textType, outcome: textType, reason: textType });

export const SCHEMAS = {
  Problem: object({
    type: textType,
    title: textType,
    status: { type: "integer", minimum: 400, maximum: 599 },
    detail: textType,
  }),
  Payment: object(payment, PAYMENT_OPTIONAL),
  /** By name of processor. */
  Summary: {
    type: "object",
    additionalProperties: object({
      totalRequests: whole,
      totalAmount: { type: "number", minimum: 0 },
    }),
  },
  Audit: object({ processors: list(to("ProcessorAudit")) }),
  ProcessorAudit: object({
    name: textType,
    state: oneOf("off", "waiting", "equal", "drift", "moved", "failed"),
    from: orNull(instant),
    to: orNull(instant),
    ours: sum,
    theirs: sum,
    equalUpTo: orNull(instant),
    differing: list(
      object({
        correlationId: id,
        kind: oneOf("missing", "extra", "amount", "time"),
        oursCents: orNull(cents),
        theirsCents: orNull(cents),
        oursRequestedAt: orNull(instant),
        theirsRequestedAt: orNull(instant),
        status: oneOf(...STATES),
        processor: orNull(textType),
      }),
    ),
    differingMore: whole,
    windows: list(object({ from: orNull(instant), to: instant, ours: sum, theirs: sum })),
    pending: whole,
    checkedAt: orNull(instant),
    error: orNull(textType),
  }),
  PublicStory: object(
    {
      ...payment,
      attempts: list(attempt),
      attemptsLeftOut: whole,
      interventions: list(object({ at: instant, action: textType })),
    },
    PAYMENT_OPTIONAL,
  ),
  Ages: object({
    states: list(
      object({ state: oneOf(...STATES), fromSeconds: whole, count: whole, cents, oldest: instant }),
    ),
    complete: boolean,
  }),
  Curve: object({
    from: orNull(instant),
    to: orNull(instant),
    bucketMs: whole,
    processors: list(textType),
    buckets: list(object({ at: instant, counts: list(whole), cents: list(cents) })),
  }),
  Live: object({
    at: instant,
    startedAt: instant,
    upMs: whole,
    notReady: orNull(textType),
    untilDurable: nullable(quantiles),
    backlog: object({
      open: whole,
      max: whole,
      oldestSeconds: { type: "number", minimum: 0 },
      states: object({
        accepting: whole,
        queued: whole,
        assigned: whole,
        unknown: whole,
        held: whole,
      }),
      rejected: whole,
      conflict: whole,
    }),
    journal: object({ trouble: orNull(textType), queued: whole }),
    lanes: list(
      object({
        name: textType,
        fee: number,
        mode: oneOf(...MODES),
        moved: boolean,
        breaker: oneOf(...BREAKERS),
        latencyMs: number,
        inFlight: whole,
        limit: whole,
        settled: sum,
      }),
    ),
    gone: list(object({ name: textType, count: whole, cents })),
    seconds: list(
      object({
        number: whole,
        at: instant,
        upMs: whole,
        spanMs: number,
        accepted: whole,
        settled: list(whole),
        p50Ms: orNull(number),
        p99Ms: orNull(number),
        open: whole,
        unknown: whole,
      }),
    ),
    changes: list({ oneOf: [change("breaker", breakerChange), change("mode", modeChange)] }),
  }),
};

const said = object(
  { at: instant, who: textType, action: textType, why: textType, evidence: textType },
  ["evidence"],
);

/** Of the operator's calls. */
export const OPERATOR_SCHEMAS = {
  OpenPayments: object({
    payments: list(
      object(
        { ...payment, ageSeconds: whole, attempts: whole, lastReason: orNull(textType) },
        PAYMENT_OPTIONAL,
      ),
    ),
    more: boolean,
  }),
  Story: object(
    { ...payment, attempts: list(attempt), attemptsLeftOut: whole, interventions: list(said) },
    PAYMENT_OPTIONAL,
  ),
  PaymentDecision: object({
    correlationId: id,
    action: textType,
    status: textType,
    detail: textType,
  }),
  ProcessorDecision: object({
    processor: textType,
    action: textType,
    mode: oneOf(...MODES),
    detail: textType,
  }),
  Processors: object({
    processors: list(
      object(
        {
          name: textType,
          configured: boolean,
          openPayments: whole,
          lastIntervention: nullable(said),
          fee: number,
          mode: oneOf(...MODES),
          breaker: oneOf(...BREAKERS),
          inFlight: whole,
          limit: whole,
          latencyMs: number,
          url: textType,
          movedFrom: orNull(textType),
        },
        [
          "lastIntervention",
          "fee",
          "mode",
          "breaker",
          "inFlight",
          "limit",
          "latencyMs",
          "url",
          "movedFrom",
        ],
      ),
    ),
  }),
};
