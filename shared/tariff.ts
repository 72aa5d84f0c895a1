/**
 * A tariff says what a processor charges for a payment: a part of the amount, a fixed sum, bounds, and
 * how it rounds.
 * Everything that shows or compares a fee has it from here, so that no two places can disagree.
 *
 * A percentage has at most four decimals, so a fee is a whole number of millionths of a cent: 19.90 at
 * 5 % costs 99 cents and 500 000 millionths. Both parts are whole numbers far below 2^53, and no sum has
 * a float in between. Decimals as text or BigInts for every payment were refused: a window of a million
 * payments is summed in the time that a person waits for a page.
 */
import { AMOUNT_CENTS_MAX } from "./limits.ts";
import { decimalFromCents } from "./money.ts";

export const ROUNDINGS = ["none", "half-up", "half-even"] as const;

export type Tariff = {
  /** Millionths of an amount, from 0 to a million: 50 000 is 5 %. */
  readonly perMillion: number;
  readonly fixedCents: number;
  readonly minCents: number;
  /** Null: there is no most. */
  readonly maxCents: number | null;
  /** How the fee of a payment becomes whole cents; `none`: it does not. */
  readonly rounding: (typeof ROUNDINGS)[number];
};

/** Whole cents and millionths of one; in a sum there may be more of these than a million. */
export type Fee = { readonly cents: number; readonly millionths: number };

const MILLION = 1_000_000;
if ((MILLION + 1) * MILLION > Number.MAX_SAFE_INTEGER) throw new Error("MILLION");
if (2 * AMOUNT_CENTS_MAX > Number.MAX_SAFE_INTEGER) throw new Error("AMOUNT_CENTS_MAX");

export const FREE: Tariff = {
  perMillion: 0,
  fixedCents: 0,
  minCents: 0,
  maxCents: null,
  rounding: "none",
};

/** A tariff that is a part of each amount and nothing else: 0.05 is 5 %, with at most six decimals. */
export function shareOf(factor: number): Tariff {
  return { ...FREE, perMillion: Math.round(factor * MILLION) };
}

/** The share of an amount alone: 0.05 is 5 %. */
export function factorOf({ perMillion }: Tariff): number {
  return perMillion / MILLION;
}

/** Computes what one payment costs. */
export function feeOf(tariff: Tariff, amountCents: number): Fee {
  const { perMillion, fixedCents, minCents, maxCents, rounding } = tariff;
  // The amount is cut in two, so that no product has more digits than a double.
  const millions = Math.floor(amountCents / MILLION);
  const product = (amountCents - millions * MILLION) * perMillion;
  const whole = Math.floor(product / MILLION);
  let cents = fixedCents + millions * perMillion + whole;
  let millionths = product - whole * MILLION;
  if (rounding !== "none") {
    if (isUp(cents, millionths, rounding)) cents++;
    millionths = 0;
  }
  if (cents < minCents) return { cents: minCents, millionths: 0 };
  if (maxCents !== null && cents >= maxCents) return { cents: maxCents, millionths: 0 };
  return { cents, millionths };
}

function isUp(cents: number, millionths: number, rounding: "half-up" | "half-even"): boolean {
  if (millionths * 2 !== MILLION) return millionths * 2 > MILLION;
  return rounding === "half-up" || cents % 2 === 1;
}

/** Below 0 when the first is the smaller one. */
export function compareFees(a: Fee, b: Fee): number {
  return a.cents === b.cents ? a.millionths - b.millionths : a.cents - b.cents;
}

/** Amount for which processors are ordered where there is no payment to order them for. */
export const USUAL_CENTS = 100_00;

/** Orders by what a payment of that amount costs, the cheapest first. */
export function byCost<T extends { readonly tariff: Tariff }>(
  lanes: readonly T[],
  amountCents = USUAL_CENTS,
): T[] {
  return lanes.toSorted((a, b) =>
    compareFees(feeOf(a.tariff, amountCents), feeOf(b.tariff, amountCents)),
  );
}

/** True when the fee is a part of the amount and nothing else: then a sum's fee is the sum of the fees. */
export function isShare({ fixedCents, minCents, maxCents, rounding }: Tariff): boolean {
  return fixedCents === 0 && minCents === 0 && maxCents === null && rounding === "none";
}

export function isSameTariff(a: Tariff, b: Tariff): boolean {
  return (Object.keys(FREE) as (keyof Tariff)[]).every((key) => a[key] === b[key]);
}

export function millionthsOf({ cents, millionths }: Fee): bigint {
  return BigInt(cents) * BigInt(MILLION) + BigInt(millionths);
}

/** Writes what one payment costs, as `decimalOf` writes a sum; without a BigInt, for millions of them. */
export function decimalOfFee({ cents, millionths }: Fee): string {
  const units = decimalFromCents(cents);
  if (millionths === 0) return units;
  return units + String(millionths).padStart(6, "0").replace(/0+$/, "");
}

/** The fees of many payments under a tariff that is a share, in millionths of a cent. */
export function shareOfSum({ perMillion }: Tariff, cents: number): bigint {
  return BigInt(cents) * BigInt(perMillion);
}

const DIGITS = 8;

/** Adds up what `decimalOf` has written. */
export function sumOf(decimals: readonly string[]): string {
  const millionths = decimals.map((decimal) => {
    const [whole = "", part = ""] = decimal.split(".");
    return BigInt(whole + part.padEnd(DIGITS, "0"));
  });
  return decimalOf(millionths.reduce((sum, one) => sum + one, 0n));
}

/** Writes millionths of a cent in the currency's units, with two decimals or as many more as there are. */
export function decimalOf(millionths: bigint): string {
  const sign = millionths < 0n ? "-" : "";
  const text = String(millionths < 0n ? -millionths : millionths).padStart(DIGITS + 1, "0");
  const decimals = text.slice(-DIGITS).replace(/0+$/, "").padEnd(2, "0");
  return `${sign}${text.slice(0, -DIGITS)}.${decimals}`;
}

/** The same to the cent, halves away from zero: for a place where it is looked at and not added up. */
export function centsOf(decimal: string): string {
  const [whole = "", decimals = ""] = decimal.replace("-", "").split(".");
  const isMore = (decimals[2] ?? "0") >= "5";
  const cents = BigInt(whole + decimals.slice(0, 2)) + (isMore ? 1n : 0n);
  const sign = decimal.startsWith("-") && cents > 0n ? "-" : "";
  return sign + decimalOf(cents * BigInt(MILLION));
}

/** The same, with the exact figure beside it where it has more digits: `1.00 (0.995)`. */
export function shownOf(decimal: string): string {
  const shown = centsOf(decimal);
  return shown === decimal ? shown : `${shown} (${decimal})`;
}

/** A percentage as people write it: `2.9`. */
export function percentOf({ perMillion }: Tariff): string {
  const text = String(perMillion).padStart(5, "0");
  return `${text.slice(0, -4)}.${text.slice(-4)}`.replace(/\.?0+$/, "");
}

/** Says it in words: `2.9 % + 0.30, at least 0.50, to the cent (half-up)`. */
export function wordsOf(tariff: Tariff): string {
  const { fixedCents, minCents, maxCents, rounding } = tariff;
  const fixed = fixedCents === 0 ? "" : ` + ${decimalFromCents(fixedCents)}`;
  const bounds = [
    minCents === 0 ? "" : `at least ${decimalFromCents(minCents)}`,
    maxCents === null ? "" : `at most ${decimalFromCents(maxCents)}`,
    rounding === "none" ? "" : `to the cent (${rounding})`,
  ];
  return [`${percentOf(tariff)} %${fixed}`, ...bounds.filter((part) => part !== "")].join(", ");
}
