/**
 * Fees and sums as people read and write them, beside arithmetic that needs no care:
 *
 *   R33  a fee is said as it is: exactly, to the cent with halves away from zero, in percent and in words; terms
 *        that are written are read as the same, and terms that are wrong in one thing are not read
 */
import { decimalOf, centsOf, percentOf, shownOf, sumOf, wordsOf } from "../../shared/tariff.ts";
import type { Tariff } from "../../shared/tariff.ts";
import { readTerms, termsOf } from "../../worker/fee-terms.ts";
import type { Chance } from "./chance.ts";
import { drawTariff } from "./tariffs.ts";
import { Violation } from "./violation.ts";

const SUMS = 24;
const TARIFFS = 8;
/** Millionths of a cent in one, and in a unit of the currency. */
const [CENT, UNIT] = [1_000_000n, 100_000_000n];
/** Fields of terms that nobody could mean, beside a percentage that is one. */
const ODD: readonly object[] = [
  { percent: "100.01" },
  { percent: "-1" },
  { percent: "1.23456" },
  { percent: 2.9 },
  { percent: undefined },
  { fixed: "0.301" },
  { fixed: "-0.30" },
  { fixed: 0.3 },
  { min: "2.00", max: "1.99" },
  { max: "a" },
  { most: "1.00" },
  { rounding: "up" },
];

export function checkWords(chance: Chance): void {
  const drawn = Array.from({ length: SUMS }, () => drawSum(chance));
  for (const one of [0n, CENT / 2n, -CENT / 2n, CENT / 2n - 1n, -UNIT, ...drawn]) checkSum(one);
  const total = drawn.reduce((sum, one) => sum + one, 0n);
  same("the sum", sumOf(drawn.map(abs).map(exactly)), exactly(drawn.map(abs).reduce(add, 0n)));
  checkSum(total);
  for (let i = 0; i < TARIFFS; i++) checkTariff(drawTariff(chance));
  const odd = JSON.stringify({ percent: "2.9", ...chance.pick(ODD) });
  if (isRead(odd)) throw new Violation(`R33: ${odd} is read as the terms of a fee`);
}

function drawSum(chance: Chance): bigint {
  const most = chance.pick([2, 1_000_000, 100_000_000, 2 ** 50]);
  const sum = BigInt(chance.between(0, most)) * (chance.happens(0.3) ? CENT / 2n : 1n);
  return chance.happens(0.5) ? -sum : sum;
}

function checkSum(millionths: bigint): void {
  const exact = exactly(millionths);
  same("exactly", decimalOf(millionths), exact);
  const cents = (abs(millionths) + CENT / 2n) / CENT;
  const shown = exactly(millionths < 0n ? -cents * CENT : cents * CENT);
  same(`${exact} to the cent`, centsOf(exact), shown);
  same(`${exact} for a page`, shownOf(exact), shown === exact ? exact : `${shown} (${exact})`);
}

function checkTariff(tariff: Tariff): void {
  const { perMillion, fixedCents, minCents, maxCents, rounding } = tariff;
  const percent = String(perMillion / 10_000);
  same("a percentage", percentOf(tariff), percent);
  const units = (cents: number) => exactly(BigInt(cents) * CENT);
  const words = [
    fixedCents > 0 ? `${percent} % + ${units(fixedCents)}` : `${percent} %`,
    ...(minCents > 0 ? [`at least ${units(minCents)}`] : []),
    ...(maxCents !== null ? [`at most ${units(maxCents)}`] : []),
    ...(rounding !== "none" ? [`to the cent (${rounding})`] : []),
  ];
  same("words", wordsOf(tariff), words.join(", "));
  const terms = termsOf(tariff);
  if (!Bun.deepEquals(readTerms(terms), tariff))
    throw new Violation(`R33: ${words.join(", ")} is written as ${terms}`);
}

/** Writes it with two decimals, or as many more as there are. */
function exactly(millionths: bigint): string {
  const [units, part] = [abs(millionths) / UNIT, abs(millionths) % UNIT];
  const decimals = String(part + UNIT).slice(1);
  const more = decimals.slice(2).replace(/0+$/, "");
  return `${millionths < 0n ? "-" : ""}${units}.${decimals.slice(0, 2)}${more}`;
}

function isRead(terms: string): boolean {
  try {
    readTerms(terms);
    return true;
  } catch {
    return false;
  }
}

const abs = (one: bigint) => (one < 0n ? -one : one);
const add = (one: bigint, other: bigint) => one + other;

function same(what: string, ours: string, theirs: string): void {
  if (ours !== theirs) throw new Violation(`R33: ${what} is said to be ${ours}, and is ${theirs}`);
}
