import { expect, test } from "bun:test";
import { decimalOf } from "../../shared/tariff.ts";
import { bonusOf, scoreOf, type Totals } from "./score.ts";

const FEES = { default: 0.05, fallback: 0.15 };
const paid = (onDefault: number, onFallback = 0): Totals => ({
  accepted: onDefault + onFallback,
  settled: {
    default: { count: onDefault, cents: onDefault * 1_990 },
    fallback: { count: onFallback, cents: onFallback * 1_990 },
  },
  fees: FEES,
  p99Ms: 20,
  inconsistencies: 0,
});

test.each([
  ["the best, in Java", 380_036, 1.25, 16_752],
  ["the best on Bun", 376_914, 1.3, 16_754],
  ["the best in Go", 376_869, 1.45, 16_752],
  ["the best in Rust", 376_846, 1.61, 16_751],
])("%s: %i with a p99 of %f ms is %i payments on the default processor", (_, score, p99Ms, n) => {
  expect(Math.round(Number(decimalOf(scoreOf({ ...paid(n), p99Ms }).scoreMillionths)))).toBe(score);
});

test("19.90 a payment, 5 % or 15 % of it for the processor", () => {
  expect(scoreOf(paid(1_000, 10))).toMatchObject({
    grossMillionths: 1_010n * 1_990_000_000n,
    feeMillionths: { default: 99_500_000_000n, fallback: 2_985_000_000n },
    netMillionths: 1_907_415_000_000n,
    scoreMillionths: 1_907_415_000_000n,
  });
});

test("the bonus falls from 22 % to nothing at 11 ms, and halves are rounded up", () => {
  expect([0, 1.25, 1.26, 5, 10.75, 10.76, 11, 12, 1_500].map(bonusOf)).toEqual([
    0.22, 0.2, 0.19, 0.12, 0.01, 0, 0, 0, 0,
  ]);
});

test("one payment that does not agree costs 35 %, as do many", () => {
  const net = scoreOf(paid(100)).netMillionths;
  for (const inconsistencies of [1, 10_000]) {
    const fined = scoreOf({ ...paid(100), inconsistencies, p99Ms: 1 });
    expect(fined).toMatchObject({ fine: 0.35, bonus: 0.2 });
    expect(fined.scoreMillionths).toBe((net * 85n) / 100n);
  }
});

test("what is accepted and not settled earns nothing", () => {
  const late = scoreOf({ ...paid(100), accepted: 107 });
  expect(late).toMatchObject({ lag: 7, disqualified: false });
  expect(late.scoreMillionths).toBe(scoreOf(paid(100)).scoreMillionths);
});

test("more settled than accepted disqualifies", () => {
  expect(scoreOf({ ...paid(100), accepted: 99 })).toMatchObject({ lag: -1, disqualified: true });
});

test("a processor without a known fee has no score", () => {
  expect(() => scoreOf({ ...paid(1, 1), fees: { default: 0.05 } })).toThrow("fallback");
  expect(scoreOf({ ...paid(1), fees: { default: 0.05 } }).feeMillionths).toMatchObject({
    fallback: 0n,
  });
});

test("a fee that no double holds is exact, whatever the sums", () => {
  const settled = { default: { count: 3, cents: 3 }, fallback: { count: 1, cents: 1_990 } };
  const fees = { default: 0.1, fallback: 0.0705 };
  expect(scoreOf({ ...paid(4), settled, fees })).toMatchObject({
    feeMillionths: { default: 300_000n, fallback: 140_295_000n },
    netMillionths: 1_852_405_000n,
  });
  const most = { default: { count: 1, cents: Number.MAX_SAFE_INTEGER } };
  const all = scoreOf({ ...paid(1), settled: most, fees: { default: 0.000001 }, p99Ms: 1 });
  expect(decimalOf(all.netMillionths)).toBe("90071902475417.36259009");
  expect(decimalOf(all.scoreMillionths)).toBe("108086282970500.8351081");
});
