/**
 * Money is integer cents from the first byte to the last. A double holds every integer up to 2^53
 * exactly, so sums of cents in a Float64Array are exact up to 90 trillion; sums of decimals are not.
 */

/**
 * Cents of a decimal amount, or null when it is not a finite number with at most two decimals.
 * `cents / 100` is correctly rounded, so it gives back the very double that the two-decimal text
 * parses to: a third decimal that a double can tell apart is refused.
 */
export function centsFromAmount(amount: number): number | null {
  const cents = Math.round(amount * 100);
  return Number.isSafeInteger(cents) && cents / 100 === amount ? cents : null;
}

/** The decimal of an amount as a JSON number: `1990` gives `19.90`. Exact for every safe integer. */
export function decimalFromCents(cents: number): string {
  const whole = Math.floor(cents / 100);
  const rest = cents - whole * 100;
  return `${whole}.${rest < 10 ? "0" : ""}${rest}`;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d*?)0*)?$/;

/**
 * Cents of an amount as it stands in a JSON text, without a double in between: sums of many payments
 * have more digits than one. Null for more than two decimals, and for what is no plain decimal.
 */
export function centsFromDecimal(text: string): number | null {
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const [, sign = "", whole = "", decimals = ""] = match;
  if (decimals.length > 2) return null;
  const cents = Number(whole + decimals.padEnd(2, "0"));
  if (!Number.isSafeInteger(cents)) return null;
  return sign === "-" && cents !== 0 ? -cents : cents;
}
