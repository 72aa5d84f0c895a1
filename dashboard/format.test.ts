import { expect, test } from "bun:test";
import { grouped, milliseconds, perSecond, plural, span } from "./format.ts";

const plain = (text: string) => text.replaceAll("\u202f", "_");

test("thousands stand apart, decimals do not", () => {
  expect(plain(grouped(1_234_567))).toBe("1_234_567");
  expect(plain(grouped("9007199254740.994"))).toBe("9_007_199_254_740.994");
  expect(grouped("0.0000001")).toBe("0.0000001");
  expect(plain(grouped(-1234))).toBe("-1_234");
});

test("rates are over the span that was counted", () => {
  expect(perSecond(100, 1_000)).toBe("100");
  expect(perSecond(3, 2_000)).toBe("1.5");
  expect(perSecond(0, 0)).toBe("0");
});

test("spans have their two largest units", () => {
  expect([0, 0.25, 1.5, 59.9, 61, 3_720, 90_000].map(span)).toEqual([
    "0 ms",
    "250 ms",
    "1.5 s",
    "59 s",
    "1 min 1 s",
    "1 h 2 min",
    "1 d 1 h",
  ]);
});

test("milliseconds have the digits that are worth reading", () => {
  expect([null, 0.456, 12.34, 250.4, 12_345].map(milliseconds)).toEqual([
    "–",
    "0.46 ms",
    "12.3 ms",
    "250 ms",
    "12.3 s",
  ]);
  expect(plural(1, "payment")).toBe("1 payment");
  expect(plural(2, "payment")).toBe("2 payments");
});
