/**
 * A shop's request: an id of its own and an amount. Both are checked here, once, and carried in one
 * canonical form from then on: the id as lower-case UUID text, the amount as integer cents.
 */
export type Payment = {
  readonly correlationId: string;
  readonly amountCents: number;
};

/** Pattern of a UUID in its canonical form; the OpenAPI document has it, too. */
export const UUID_TEXT = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
const UUID = new RegExp(UUID_TEXT);

/** Pattern of the name of a processor that is configured. */
export const PROCESSOR_NAME_TEXT = "^[a-z][a-z0-9-]{0,31}$";

/** The canonical (lower-case) form of a UUID, or null when `value` is not one. */
export function canonicalCorrelationId(value: unknown): string | null {
  if (typeof value !== "string" || value.length !== 36) return null;
  const lower = value.toLowerCase();
  return UUID.test(lower) ? lower : null;
}
