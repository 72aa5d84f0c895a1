/** Keeps money as a processor does: cents, rounded half to even, and exact decimals going out. */
import { centsFromAmount, decimalFromCents } from "../../shared/money.ts";

/**
 * Cents of an amount with any number of decimals, half to even; null beyond what cents can count
 * exactly. The shortest decimal text of the double is what gets rounded: 1.005 is a half, as it is in
 * the JSON text, although the double behind it lies a little below.
 */
export function roundedCents(amount: number): number | null {
  const exact = centsFromAmount(amount);
  if (exact !== null) return exact === 0 ? 0 : exact;
  if (!Number.isFinite(amount)) return null;
  const cents = roundHalfToEven(Math.abs(amount));
  if (!Number.isSafeInteger(cents)) return null;
  return amount < 0 && cents !== 0 ? -cents : cents;
}

function roundHalfToEven(amount: number): number {
  const { digits, decimals } = decimalDigits(amount);
  const surplus = decimals - 2;
  if (surplus <= 0) return Number(digits + "0".repeat(-surplus));
  const padded = digits.padStart(surplus + 1, "0");
  const kept = Number(padded.slice(0, -surplus));
  const rest = padded.slice(-surplus);
  return kept + (roundsUp(rest, kept) ? 1 : 0);
}

function roundsUp(rest: string, kept: number): boolean {
  const half = `5${"0".repeat(rest.length - 1)}`;
  return rest > half || (rest === half && kept % 2 === 1);
}

/** `1.25e-7` gives digits "125" of which 9 are decimals; a negative count means zeros to append. */
function decimalDigits(amount: number): { digits: string; decimals: number } {
  const [mantissa = "0", exponent = "0"] = String(amount).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  return { digits: whole + fraction, decimals: fraction.length - Number(exponent) };
}

/** Writes decimals like `decimalFromCents`, and for amounts below zero too: a processor refuses none. */
export function decimalText(cents: number): string {
  return cents < 0 ? `-${decimalFromCents(-cents)}` : decimalFromCents(cents);
}

/** The share of an amount that a processor keeps, as an exact decimal: 19.90 at 0.05 gives 0.9950. */
export function feeText(cents: number, fee: number): string {
  const { digits, decimals } = decimalDigits(fee);
  const scale = Math.max(decimals, 0) + 2;
  const units = BigInt(digits + "0".repeat(Math.max(-decimals, 0))) * BigInt(Math.abs(cents));
  const text = units.toString().padStart(scale + 1, "0");
  return `${cents < 0 && units > 0n ? "-" : ""}${text.slice(0, -scale)}.${text.slice(-scale)}`;
}
