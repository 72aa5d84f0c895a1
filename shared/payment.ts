/**
 * A shop's request: an id of its own and an amount, and what a shop may add. All of it is checked here,
 * once, and carried in one canonical form from then on: the id as lower-case UUID text, the amount as
 * integer cents. A payment without additions has no fields for them, so that it costs what it always did.
 */
export type Payment = {
  readonly correlationId: string;
  readonly amountCents: number;
  /**
   * The shop's word on what is charged, for the processor alone: a token, a vault's id, a Pix key. Nobody
   * else is shown it, and it is forgotten when the payment ends.
   */
  readonly source?: string;
  /** A name of the shop's own, kept and given back. */
  readonly reference?: string;
};

/** Pattern of a UUID in its canonical form; the OpenAPI document has it, too. */
export const UUID_TEXT = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
const UUID = new RegExp(UUID_TEXT);

/** Pattern of the name of a processor that is configured. */
export const PROCESSOR_NAME_TEXT = "^[a-z][a-z0-9-]{0,31}$";

/** Pattern of a source: printable ASCII, as tokens are. */
export const SOURCE_TEXT = "^[ -~]{1,255}$";
const SOURCE = new RegExp(SOURCE_TEXT);
/** Pattern of a reference, by code points: no control characters. Halves of a pair are no text. */
export const REFERENCE_TEXT = "^[^\\x00-\\x1f\\x7f-\\x9f]{1,64}$";
const REFERENCE = new RegExp(REFERENCE_TEXT, "u");

/** The canonical (lower-case) form of a UUID, or null when `value` is not one. */
export function canonicalCorrelationId(value: unknown): string | null {
  if (typeof value !== "string" || value.length !== 36) return null;
  const lower = value.toLowerCase();
  return UUID.test(lower) ? lower : null;
}

export function isSource(value: unknown): value is string {
  return typeof value === "string" && SOURCE.test(value);
}

export function isReference(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed() && REFERENCE.test(value);
}

/** True of a payment that has more than an id and an amount. */
export function carriesMore({ source, reference }: Payment): boolean {
  return source !== undefined || reference !== undefined;
}

/** Makes a payment; what is null or undefined is no field of it. */
export function paymentOf(
  correlationId: string,
  amountCents: number,
  source: string | null | undefined,
  reference: string | null | undefined,
): Payment {
  const hasSource = source !== null && source !== undefined;
  const hasReference = reference !== null && reference !== undefined;
  if (!hasSource && !hasReference) return { correlationId, amountCents };
  return {
    correlationId,
    amountCents,
    ...(hasSource ? { source } : {}),
    ...(hasReference ? { reference } : {}),
  };
}
