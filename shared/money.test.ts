import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { centsFromAmount, centsFromDecimal, decimalFromCents } from "./money.ts";

const SEED = 20_250_801;
const cents = fc.oneof(
  fc.integer({ min: 0, max: 1_000_000 }),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
);

test("every sum of cents is written so that its digits say the same", () => {
  fc.assert(
    fc.property(cents, (value) => {
      const text = decimalFromCents(value);
      expect(text).toMatch(/^(0|[1-9]\d*)\.\d\d$/);
      expect(BigInt(text.replace(".", ""))).toBe(BigInt(value));
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

test("every amount up to ten billion that is written with two decimals is read as its cents", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e12 }), (value) => {
      expect(centsFromAmount(JSON.parse(decimalFromCents(value)) as number)).toBe(value);
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

describe("cents of an amount", () => {
  test.each([
    [19.9, 1990],
    [0.01, 1],
    [0.1 + 0.2, null],
    [1.005, null],
    [1.15, 115],
    [4.35, 435],
    [1.1 * 3, null],
    [1e6, 100_000_000],
    [0.29, 29],
    [90071992547409.91, Number.MAX_SAFE_INTEGER],
  ])("%p are %p", (amount, expected) => {
    expect(centsFromAmount(amount)).toBe(expected);
  });

  test.each([0.001, 19.999, 1e-9, Number.NaN, Infinity, -Infinity, 1e15, Number.MAX_VALUE])(
    "%p are none",
    (amount) => {
      expect(centsFromAmount(amount)).toBeNull();
    },
  );

  test("a third decimal is refused as long as a double can tell it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), (thousandths) => {
        if (thousandths % 10 !== 0) expect(centsFromAmount(thousandths / 1_000)).toBeNull();
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });
});

test.each([
  [0, "0.00"],
  [5, "0.05"],
  [99, "0.99"],
  [100, "1.00"],
  [1990, "19.90"],
  [Number.MAX_SAFE_INTEGER, "90071992547409.91"],
])("%d cents are %s", (value, text) => {
  expect(decimalFromCents(value)).toBe(text);
});

test("a decimal as text gives its cents, whatever a double makes of it", () => {
  const cases: [string, number | null][] = [
    ["0", 0],
    ["19.9", 1_990],
    ["19.90", 1_990],
    ["19.900000", 1_990],
    ["-0.01", -1],
    ["70368744177664.01", 7_036_874_417_766_401],
    ["90071992547409.91", Number.MAX_SAFE_INTEGER],
    ["90071992547409.92", null],
    ["0.001", null],
    ["1e3", null],
    ["", null],
    ["1.", 100],
    ["NaN", null],
  ];
  for (const [text, value] of cases) expect([text, centsFromDecimal(text)]).toEqual([text, value]);
});

test("every amount of cents comes back from its decimal", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      expect(centsFromDecimal(decimalFromCents(value))).toBe(value);
    }),
  );
});
