import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { scoreOf } from "../bench/contest/score.ts";
import { anyAmountCents, anyTariff } from "./tariff.fixture.ts";
import {
  byCost,
  centsOf,
  compareFees,
  decimalOf,
  decimalOfFee,
  feeOf,
  FREE,
  isShare,
  millionthsOf,
  shareOf,
  shareOfSum,
  shownOf,
  sumOf,
  wordsOf,
  type Tariff,
} from "./tariff.ts";

const feeText = (tariff: Partial<Tariff>, cents: number) =>
  decimalOf(millionthsOf(feeOf({ ...FREE, ...tariff }, cents)));

/** The same by the definition of each part, in whole numbers of any size. */
function plainly(tariff: Tariff, amountCents: number): bigint {
  const million = 1_000_000n;
  const [amount, perMillion] = [BigInt(amountCents), BigInt(tariff.perMillion)];
  let fee = amount * perMillion + BigInt(tariff.fixedCents) * million;
  if (tariff.rounding !== "none") {
    const [cents, rest] = [fee / million, (fee % million) * 2n];
    const isUp =
      rest > million || (rest === million && (tariff.rounding === "half-up" || cents % 2n === 1n));
    fee = (isUp ? cents + 1n : cents) * million;
  }
  const [least, most] = [tariff.minCents, tariff.maxCents].map((cents) =>
    cents === null ? null : BigInt(cents) * million,
  );
  if (fee < least!) return least!;
  return most !== null && fee > most! ? most! : fee;
}

test("a fee is exact for every tariff and amount", () => {
  fc.assert(
    fc.property(anyTariff, anyAmountCents, (tariff, cents) => {
      // Bounds that are the wrong way round are refused where tariffs are read.
      fc.pre(tariff.maxCents === null || tariff.maxCents >= tariff.minCents);
      const fee = feeOf(tariff, cents);
      expect(fee.millionths).toBeWithin(0, 1_000_000);
      expect(millionthsOf(fee)).toBe(plainly(tariff, cents));
    }),
    { numRuns: 2_000 },
  );
});

describe("each part of a tariff", () => {
  test.each([
    [{ perMillion: 50_000 }, 1_990, "0.995"],
    [{ perMillion: 50_000, rounding: "half-up" }, 1_990, "1.00"],
    [{ perMillion: 50_000, rounding: "half-even" }, 1_990, "1.00"],
    [{ perMillion: 50_000, rounding: "half-up" }, 10, "0.01"],
    [{ perMillion: 50_000, rounding: "half-even" }, 10, "0.00"],
    [{ perMillion: 50_000, rounding: "half-even" }, 30, "0.02"],
    [{ perMillion: 29_000, fixedCents: 30 }, 1_429, "0.71441"],
    [{ perMillion: 39_900, fixedCents: 39, minCents: 50 }, 100, "0.50"],
    [{ perMillion: 39_900, maxCents: 500 }, 100_000, "5.00"],
    [{ perMillion: 1 }, 1, "0.00000001"],
    [{ perMillion: 1_000_000 }, 100_000_000_000, "1000000000.00"],
  ] as const)("%j of %i cents is %s", (tariff, cents, fee) => {
    expect(feeText(tariff, cents)).toBe(fee);
  });
});

test("2.9 % + 0.30 and 5 % change places between 14.28 and 14.29", () => {
  const stepped = { ...FREE, perMillion: 29_000, fixedCents: 30 };
  const share = shareOf(0.05);
  expect(compareFees(feeOf(share, 1_428), feeOf(stepped, 1_428))).toBeLessThan(0);
  expect(compareFees(feeOf(share, 1_429), feeOf(stepped, 1_429))).toBeGreaterThan(0);
  const [a, b] = [{ tariff: stepped }, { tariff: share }];
  expect([byCost([a, b], 1_428), byCost([a, b], 1_429)]).toEqual([
    [b, a],
    [a, b],
  ]);
});

test("the fees of many under a share are the fee of their sum", () => {
  const cents = fc.integer({ min: 1, max: 1_000_000 });
  fc.assert(
    fc.property(fc.nat({ max: 1_000_000 }), fc.array(cents), (perMillion, amounts) => {
      const tariff = { ...FREE, perMillion };
      const each = amounts.map((amount) => millionthsOf(feeOf(tariff, amount)));
      const sum = amounts.reduce((all, amount) => all + amount, 0);
      expect(shareOfSum(tariff, sum)).toBe(each.reduce((all, fee) => all + fee, 0n));
    }),
  );
  expect(isShare(shareOf(0.05))).toBe(true);
  expect(isShare({ ...FREE, rounding: "half-up" })).toBe(false);
});

test("money is written with two decimals, or as many more as it has", () => {
  expect([0n, 5n, 99_500_000n, -1_000_000n].map(decimalOf)).toEqual([
    "0.00",
    "0.00000005",
    "0.995",
    "-0.01",
  ]);
  expect(sumOf(["0.995", "2.985", "0.00"])).toBe("3.98");
});

test.each([
  ["0.995", "1.00"],
  ["0.994999", "0.99"],
  ["0.00", "0.00"],
  ["-0.995", "-1.00"],
  ["-0.001", "0.00"],
  ["9007199254740.994", "9007199254740.99"],
])("%s is shown as %s", (exact, shown) => {
  expect(centsOf(exact)).toBe(shown);
});

test("the exact figure is beside one that has fewer digits", () => {
  expect(["1.00", "0.995", "-0.001"].map(shownOf)).toEqual([
    "1.00",
    "1.00 (0.995)",
    "0.00 (-0.001)",
  ]);
});

test("a tariff is said in words", () => {
  expect(wordsOf(shareOf(0.05))).toBe("5 %");
  expect(wordsOf(shareOf(0))).toBe("0 %");
  expect(wordsOf(shareOf(1))).toBe("100 %");
  const whole = { perMillion: 39_900, fixedCents: 39, minCents: 50, maxCents: 1_000 };
  expect(wordsOf({ ...whole, rounding: "half-up" })).toBe(
    "3.99 % + 0.39, at least 0.50, at most 10.00, to the cent (half-up)",
  );
});

test("fees are what the contest's scorecard counts", () => {
  const cents = fc.nat({ max: 10 ** 9 });
  fc.assert(
    fc.property(cents, cents, (first, second) => {
      const fees = { default: 0.05, fallback: 0.15 };
      const settled = {
        default: { count: 1, cents: first },
        fallback: { count: 1, cents: second },
      };
      const score = scoreOf({ accepted: 2, settled, fees, p99Ms: 1, inconsistencies: 0 });
      const counted = score.feeMillionths["default"]! + score.feeMillionths["fallback"]!;
      expect(counted).toBe(BigInt(first) * 50_000n + BigInt(second) * 150_000n);
    }),
  );
});

test("the fee of one payment is written as a sum of it alone", () => {
  fc.assert(
    fc.property(anyTariff, anyAmountCents, (tariff, cents) => {
      const fee = feeOf(tariff, cents);
      expect(decimalOfFee(fee)).toBe(decimalOf(millionthsOf(fee)));
    }),
  );
});
