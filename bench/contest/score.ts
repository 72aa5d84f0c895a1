/**
 * The contest's score, from what was counted. Fees, and what is left of them, are whole numbers of millionths of a
 * cent: no sum and no product has a double in between, and each figure can be shown to its last digit.
 */
import { shareOf, shareOfSum } from "../../shared/tariff.ts";

export type Settled = { readonly count: number; readonly cents: number };

export type Totals = {
  /** Payments that were answered with success. */
  readonly accepted: number;
  /** The gateway's sums by processor. */
  readonly settled: Readonly<Record<string, Settled>>;
  /** Fees by processor, as a share of the amount. */
  readonly fees: Readonly<Record<string, number>>;
  readonly p99Ms: number;
  /** Payments by which audits differed, over all audits. */
  readonly inconsistencies: number;
};

export type Score = {
  /** Points, counted as money is; what is less than a millionth of a cent is cut off. */
  readonly scoreMillionths: bigint;
  readonly grossMillionths: bigint;
  readonly feeMillionths: Readonly<Record<string, bigint>>;
  readonly netMillionths: bigint;
  readonly bonus: number;
  readonly fine: number;
  /** Payments accepted and not settled; below 0 there is more money than was ever asked for. */
  readonly lag: number;
  readonly disqualified: boolean;
};

const BONUS_BELOW_MS = 11;
const FINE = 0.35;
/** Millionths of a cent in a cent. */
export const MILLION = 1_000_000n;

export function scoreOf({ accepted, settled, fees, p99Ms, inconsistencies }: Totals): Score {
  const entries = Object.entries(settled);
  const gross = BigInt(sum(entries.map(([, { cents }]) => cents))) * MILLION;
  const feesPaid = entries.map(
    ([name, { cents }]) => [name, cents === 0 ? 0n : feeOf(name, fees, cents)] as const,
  );
  const net = feesPaid.reduce((left, [, paid]) => left - paid, gross);
  const bonus = bonusOf(p99Ms);
  const fine = inconsistencies > 0 ? FINE : 0;
  const lag = accepted - sum(entries.map(([, { count }]) => count));
  const hundredths = BigInt(Math.round((1 + bonus - fine) * 100));
  return {
    scoreMillionths: (net * hundredths) / 100n,
    grossMillionths: gross,
    feeMillionths: Object.fromEntries(feesPaid),
    netMillionths: net,
    bonus,
    fine,
    lag,
    disqualified: lag < 0,
  };
}

/** Computes round(max(0, (11 − p99) × 0.02), 2), in hundredths from the start, so that halves are exact. */
export function bonusOf(p99Ms: number): number {
  return Math.round(Math.max(0, (BONUS_BELOW_MS - p99Ms) * 2)) / 100;
}

/** In millionths of a cent. */
function feeOf(name: string, fees: Totals["fees"], cents: number): bigint {
  const fee = fees[name];
  if (fee === undefined)
    throw new Error(`the gateway has settled on ${name}, whose fee is unknown`);
  return shareOfSum(shareOf(fee), cents);
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
