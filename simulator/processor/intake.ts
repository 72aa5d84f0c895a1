/** Reads a request body into a payment, or the answer that says why not. */
import { canonicalCorrelationId } from "../../shared/payment.ts";
import { roundedCents } from "./amount.ts";
import { message, type Call, type Whole } from "./call.ts";
import { DATE_MIN_MS, instantMs } from "./instant.ts";

export type Order = {
  readonly correlationId: string;
  readonly amountCents: number;
  /** Whole milliseconds; a finer part is cut off. */
  readonly requestedAtMs: number;
};

export type Read<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly answer: Whole };

const ZERO_UUID = "00000000-0000-0000-0000-000000000000";
const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

export function readOrder(call: Call): Read<Order> {
  const read = readObject(call);
  if (!read.ok) return read;
  const { correlationId, amount, requestedAt } = read.value;
  const id = correlationId === undefined ? ZERO_UUID : canonicalCorrelationId(correlationId);
  if (id === null) return malformed("correlationId is not a UUID");
  const amountCents = amount === undefined ? 0 : centsOf(amount);
  if (amountCents === null) return malformed("amount is not a number that can be kept");
  const requestedAtMs = requestedAt === undefined ? DATE_MIN_MS : wholeMs(requestedAt);
  if (requestedAtMs === null) return malformed("requestedAt is not an ISO 8601 instant");
  return { ok: true, value: { correlationId: id, amountCents, requestedAtMs } };
}

/** The JSON object of a call: 415 for another content type, 400 for anything that is no object. */
export function readObject(call: Call): Read<Record<string, unknown>> {
  if (call.contentType === null || !JSON_TYPE.test(call.contentType)) {
    return { ok: false, answer: message(415, "the body must be application/json") };
  }
  const value = parsed(call.body);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return malformed("the body is not a JSON object");
  }
  return { ok: true, value: value as Record<string, unknown> };
}

export function malformed(reason: string): { readonly ok: false; readonly answer: Whole } {
  return { ok: false, answer: message(400, reason) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A text that is not JSON is as little an object as a list is: the caller answers both alike.
    return null;
  }
}

function centsOf(amount: unknown): number | null {
  return typeof amount === "number" ? roundedCents(amount) : null;
}

function wholeMs(requestedAt: unknown): number | null {
  const ms = typeof requestedAt === "string" ? instantMs(requestedAt) : null;
  return ms === null ? null : Math.floor(ms);
}
