import { expect, test } from "bun:test";
import fc from "fast-check";
import { decimalText, feeText, roundedCents } from "./amount.ts";

test.each([
  [19.9, 1990],
  [0, 0],
  [-0, 0],
  [0.005, 0],
  [0.015, 2],
  [0.025, 2],
  [1.005, 100],
  [2.675, 268],
  [1.0050000001, 101],
  [-0.015, -2],
  [-0.005, 0],
  [1e-7, 0],
  [1.5e-2, 2],
  [12345678901.235, 1234567890124],
])("%p rounds half to even to %p cents", (amount, cents) => {
  expect(roundedCents(amount)).toBe(cents);
});

test.each([1e21, 1e300, Infinity, NaN, -1e20])("%p is beyond what cents can count", (amount) => {
  expect(roundedCents(amount)).toBeNull();
});

test("rounding agrees with exact integer arithmetic on the decimal text", () => {
  const decimal = fc.record({
    whole: fc.integer({ min: 0, max: 10_000_000 }),
    // Halves are many: a uniform fraction would hardly ever be one.
    fraction: fc.oneof(
      fc.stringMatching(/^\d{1,7}$/),
      fc.stringMatching(/^\d\d5$/),
      fc.stringMatching(/^\d\d5000\d$/),
    ),
    negative: fc.boolean(),
  });
  fc.assert(
    fc.property(decimal, ({ whole, fraction, negative }) => {
      const scale = 10n ** BigInt(fraction.length);
      const hundredfold = (BigInt(whole) * scale + BigInt(fraction)) * 100n;
      const floor = hundredfold / scale;
      const doubledRest = (hundredfold % scale) * 2n;
      const up = doubledRest > scale || (doubledRest === scale && floor % 2n === 1n);
      const magnitude = Number(floor) + (up ? 1 : 0);
      const expected = negative && magnitude !== 0 ? -magnitude : magnitude;
      const amount = JSON.parse(`${negative ? "-" : ""}${whole}.${fraction}`);
      expect(roundedCents(amount)).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});

test("cents come out as exact decimals, below zero too", () => {
  expect(decimalText(1990)).toBe("19.90");
  expect(decimalText(-5)).toBe("-0.05");
});

test("fees are exact however large the sum", () => {
  expect(feeText(1990, 0.05)).toBe("0.9950");
  expect(feeText(1990, 0.15)).toBe("2.9850");
  expect(feeText(9_007_199_254_740_991, 0.05)).toBe("4503599627370.4955");
  expect(feeText(-1990, 0.05)).toBe("-0.9950");
  expect(feeText(1990, 0)).toBe("0.00");
  expect(feeText(0, 0.05)).toBe("0.0000");
  expect(feeText(100, 1e-7)).toBe("0.000000100");
});
