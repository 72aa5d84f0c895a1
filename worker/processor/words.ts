/**
 * Reads the text of a processor's answer, or gives null: then it says nothing, and nobody concludes
 * anything from it. Clear is one JSON object in which no name stands twice. Numbers stay the text that
 * they are written with, since a double holds fewer digits than a sum has.
 */
import { centsFromDecimal } from "../../shared/money.ts";
import type { Charge } from "./charge.ts";
import { readInstant } from "./instant.ts";

export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Fields = Readonly<Record<string, unknown>>;
type Named = readonly [name: string, value: unknown];

/** Nobody whom we ask has more to say in one object. */
export const CHARS_MAX = 64 * 1024;
/** Every text of a JSON document; the group matches behind the name of a field. */
const TEXT = /"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*(:))?/g;
/** The answer of the contract, which is all that is ever read while all is well. */
const PLAIN_MESSAGE = /^\{"message":"[ !#-[\]-~]*"\}$/;
/** Share of a cent below which digits are traces of a calculation with doubles, and no other amount. */
const NOISE_CENTS = 1e-3;

/** The fields of an object, those of `nested` objects too. */
function readNames(text: string | null): { fields: Fields; nested: readonly Named[] } | null {
  if (text === null || text.length > CHARS_MAX) return null;
  const nested: Named[] = [];
  try {
    const fields: unknown = JSON.parse(
      text,
      function (this: unknown, name: string, value: unknown, context?: { source?: string }) {
        const read = typeof value === "number" ? new Decimal(context?.source ?? "") : value;
        if (!Array.isArray(this)) nested.push([name, read]);
        return read;
      },
    );
    nested.pop(); // The whole, which has no name.
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return null;
    return nested.length === namesIn(text) ? { fields: fields as Fields, nested } : null;
  } catch {
    return null; // Not JSON, or nested beyond all measure.
  }
}

export function readFields(text: string | null): Fields | null {
  return readNames(text)?.fields ?? null;
}

/** That it has recorded the charge: the message of the contract, and no word of another payment. */
export function saysRecorded(text: string | null, charge: Charge): boolean {
  if (text !== null && PLAIN_MESSAGE.test(text)) return true;
  const said = readNames(text);
  if (said === null || typeof said.fields["message"] !== "string") return false;
  return said.nested.every(([name, value]) => !isOfAnother(name, value, charge));
}

/** However the name is spelled: this asks whether somebody else is meant. */
function isOfAnother(name: string, value: unknown, charge: Charge): boolean {
  switch (name.toLowerCase().replaceAll(/[_-]/g, "")) {
    case "correlationid":
      return !isId(value, charge.correlationId);
    case "amount":
      return readAmount(value)?.cents !== charge.amountCents;
    case "requestedat":
      return readInstant(value) !== charge.requestedAtMs;
    default:
      return false;
  }
}

export function isId(value: unknown, correlationId: string): boolean {
  return typeof value === "string" && value.toLowerCase() === correlationId;
}

/** Null cents are an amount that can be read and is no whole number of cents. */
export function readAmount(value: unknown): { readonly cents: number | null } | null {
  if (!(value instanceof Decimal)) return null;
  const cents = centsFromDecimal(value.text);
  if (cents !== null) return { cents };
  const roughCents = Number(value.text) * 100;
  const isOther = Math.abs(roughCents - Math.round(roughCents)) >= NOISE_CENTS;
  return isOther ? { cents: null } : null;
}

/** Whole seconds, up to a limit; the other form, a date, is that of somebody else's clock. */
export function readRetryAfterMs(header: string | null, msMax: number): number {
  return header !== null && /^\d+$/.test(header) ? Math.min(msMax, Number(header) * 1_000) : 0;
}

function namesIn(text: string): number {
  let names = 0;
  for (const [, colon] of text.matchAll(TEXT)) if (colon !== undefined) names++;
  return names;
}
