import { expect, test } from "bun:test";
import { auditTimesMs, compare, windowOf } from "./audit.ts";

const difference = (
  ...counts: Parameters<typeof compare> extends [number, ...infer R] ? R : never
) => compare(0, ...counts).difference;

test("sums that agree are consistent, wherever the payments are", () => {
  expect(difference({ default: 3, fallback: 2 }, { default: 3, fallback: 2 })).toBe(0);
  expect(difference({ default: 5, fallback: 0 }, { default: 3, fallback: 2 })).toBe(0);
});

test("one payment more on either side is an inconsistency", () => {
  expect(difference({ default: 4, fallback: 2 }, { default: 3, fallback: 2 })).toBe(1);
  expect(difference({ default: 3, fallback: 2 }, { default: 3, fallback: 3 })).toBe(1);
});

test("a summary that nobody gave counts as nothing", () => {
  expect(difference({ default: null, fallback: null }, { default: 3, fallback: 2 })).toBe(5);
  expect(difference({ default: 3, fallback: 2 }, { default: 3, fallback: null })).toBe(2);
});

test("the window is from 15 s to 1.5 s ago", () => {
  expect(windowOf(20_000)).toEqual({ fromMs: 5_000, toMs: 18_500 });
});

test("audits are every 10 s, and six of them in a shorter test", () => {
  expect(auditTimesMs(60_000)).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000]);
  expect(auditTimesMs(6_000)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000]);
  expect(auditTimesMs(75_000)).toHaveLength(8);
});
