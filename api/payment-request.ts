import { centsFromAmount } from "../shared/money.ts";
import {
  canonicalCorrelationId,
  isReference,
  isSource,
  paymentOf,
  type Payment,
} from "../shared/payment.ts";

export type PaymentRequest =
  | { readonly ok: true; readonly payment: Payment }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads the payment that a request body asks for, or says in one sentence what is wrong with it.
 * Fields that are not known are refused: a misspelt one is noticed, and nothing that a shop
 * believes to have said about a payment is left out silently. When a field is repeated the last one
 * counts, as everywhere in JSON; a `__proto__` is a field like any other, and unknown.
 */
export function parsePaymentRequest(text: string, amountMax: number): PaymentRequest {
  const body = parseJson(text);
  if (body === undefined) return refused("The body is not JSON.");
  if (!isObject(body)) {
    return refused('The body is not a JSON object with the fields "correlationId" and "amount".');
  }
  for (const field in body) {
    if (!isKnown(field)) {
      return refused(
        `The field ${quoted(field)} is not known; "correlationId", "amount", "source" and "reference" are.`,
      );
    }
  }
  const correlationId = canonicalCorrelationId(body["correlationId"]);
  if (correlationId === null) return refused(reasonOfCorrelationId(body["correlationId"]));
  const amount = body["amount"];
  const amountCents = typeof amount === "number" ? centsFromAmount(amount) : null;
  if (amountCents === null || amountCents <= 0 || amountCents > amountMax * 100) {
    return refused(reasonOfAmount(amount, amountMax));
  }
  const { source, reference } = body;
  if (source !== undefined && !isSource(source)) {
    return refused('The field "source" is not a text of 1 to 255 printable ASCII characters.');
  }
  if (reference !== undefined && !isReference(reference)) {
    return refused(
      'The field "reference" is not a text of 1 to 64 characters without control characters.',
    );
  }
  return { ok: true, payment: paymentOf(correlationId, amountCents, source, reference) };
}

function isKnown(field: string): boolean {
  return (
    field === "correlationId" || field === "amount" || field === "source" || field === "reference"
  );
}

/** `undefined` is no JSON value, so it can stand for "not JSON". */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(reason: string): PaymentRequest {
  return { ok: false, reason };
}

function reasonOfCorrelationId(value: unknown): string {
  if (value === undefined) return 'The field "correlationId" is missing.';
  return 'The field "correlationId" is not a UUID.';
}

function reasonOfAmount(amount: unknown, amountMax: number): string {
  if (amount === undefined) return 'The field "amount" is missing.';
  if (typeof amount !== "number") return 'The field "amount" is not a number.';
  if (!Number.isFinite(amount)) return 'The field "amount" is not a finite number.';
  if (amount <= 0) return 'The field "amount" is not greater than 0.';
  if (amount > amountMax) return `The field "amount" is above ${amountMax}.`;
  return 'The field "amount" has more than two decimals.';
}

/** A field's name as the answer repeats it: escaped, and cut when it is long. */
function quoted(field: string): string {
  return JSON.stringify(field.length > 40 ? `${field.slice(0, 40)}…` : field);
}
