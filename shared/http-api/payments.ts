/**
 * The messages that a shop posts and reads: a payment, its status, the summary, and what an error
 * looks like.
 */
import { REFERENCE_TEXT, SOURCE_TEXT } from "../payment.ts";
import {
  boolean,
  id,
  idInAnyCase,
  instant,
  list,
  object,
  oneOf,
  orNull,
  text,
  whole,
  type Of,
  type SchemaOf,
} from "./schema.ts";

/** States of a payment, as the journal has them. */
export const STATES = [
  "accepted",
  "assigned",
  "unknown",
  "held",
  "settled",
  "rejected",
  "conflict",
] as const;
export const state = oneOf(...STATES);

/** A JSON number with two decimals. */
export const amount: SchemaOf<number> = {
  type: "number",
  minimum: 0.01,
  multipleOf: 0.01,
  examples: [12.5],
};

const source: SchemaOf<string> = {
  type: "string",
  maxLength: 255,
  pattern: SOURCE_TEXT,
  examples: ["pm_card_visa"],
};
export const reference: SchemaOf<string> = {
  type: "string",
  maxLength: 64,
  pattern: REFERENCE_TEXT,
  examples: ["order 1042"],
};

export const statusFields = {
  required: { correlationId: id, amount, status: state, acceptedAt: instant },
  optional: {
    /** The shop's own name for it. A source is never given back. */
    reference,
    processor: text,
    requestedAt: instant,
    settledAt: instant,
    /** Fee of a settled payment in the currency's units, and the number of the tariff that it is by. */
    fee: { type: "number", minimum: 0 } as SchemaOf<number>,
    tariff: whole,
    /** True of a settled payment whose times and attempts were forgotten (`worker prune`). */
    pruned: boolean,
  },
};

/**
 * `reason` says why a payment is rejected or in conflict, in the words of its last attempt; `code` is the
 * processor's own word for a rejection, where it has one.
 */
export const payment = object(statusFields.required, {
  ...statusFields.optional,
  reason: text,
  code: text,
});
export type PaymentStatus = Of<typeof payment>;

export const PAGE_LIMIT_MAX = 1_000;
/** Query of a list of payments, beside its window; the names of processors are the journal's. */
export const pageQuery = {
  status: { schema: state },
  processor: { schema: text },
  reference: { schema: reference },
  limit: { schema: { type: "integer", minimum: 1, maximum: PAGE_LIMIT_MAX } },
  cursor: {
    description: "`next` of the page before, with the same window and filters",
    schema: text,
  },
} as const;
/** `next` is null on the last page. */
export const paymentPage = object({ payments: list(payment), next: orNull(text) });

/** A payment as a shop posts it; the largest amount is a setting of the API. */
export function paymentRequest(amountMax?: number) {
  const upTo = amountMax === undefined ? {} : { maximum: amountMax };
  const bounded = { ...amount, ...upTo } as typeof amount;
  return object({ correlationId: idInAnyCase, amount: bounded }, { source, reference });
}

const totals = object({
  totalRequests: whole,
  totalAmount: { type: "number", minimum: 0 } as SchemaOf<number>,
});
/** Settled payments by name of processor. */
export const summary: SchemaOf<{ readonly [processor: string]: Of<typeof totals> }> = {
  type: "object",
  additionalProperties: totals,
};

/** An error as RFC 9457 has it. */
export const problem = object({
  type: text,
  title: text,
  status: { type: "integer", minimum: 400, maximum: 599 } as SchemaOf<number>,
  detail: text,
});
