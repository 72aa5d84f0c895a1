import { expect, test } from "bun:test";
import { Histogram } from "./histogram.ts";

test("has no quantile without an observation", () => {
  expect(new Histogram().quantileMs(0.99)).toBeNull();
});

test("is at most a thirty-second off, from microseconds to minutes", () => {
  for (let durationMs = 0.02; durationMs < 900_000; durationMs *= 1.37) {
    const histogram = new Histogram();
    histogram.observe(durationMs);
    const off = Math.abs((histogram.quantileMs(0.5) as number) / durationMs - 1);
    expect(off).toBeLessThan(1 / 16);
  }
});

test("agrees with sorted durations", () => {
  const durations = Array.from({ length: 5_000 }, (_, n) => 0.1 + ((n * 7_919) % 5_000) / 100);
  const histogram = new Histogram();
  for (const duration of durations) histogram.observe(duration);
  durations.sort((a, b) => a - b);
  for (const share of [0.5, 0.9, 0.99, 1]) {
    const exact = durations[Math.ceil(share * durations.length) - 1] as number;
    expect(Math.abs((histogram.quantileMs(share) as number) / exact - 1)).toBeLessThan(1 / 16);
  }
});

test("takes what cannot be: spans below zero and for ever", () => {
  const histogram = new Histogram();
  for (const durationMs of [-1, 0, Number.POSITIVE_INFINITY]) histogram.observe(durationMs);
  expect(histogram.total).toBe(3);
  expect(histogram.quantileMs(0.5)).toBeLessThan(0.001);
});

test("adds up and empties", () => {
  const [one, other] = [new Histogram(), new Histogram()];
  one.observe(1);
  other.observe(100);
  one.add(other);
  expect(one.total).toBe(2);
  expect(one.quantileMs(1)).toBeGreaterThan(90);
  one.clear();
  expect(one.total).toBe(0);
});
