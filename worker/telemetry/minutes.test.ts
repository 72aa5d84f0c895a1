import { expect, test } from "bun:test";
import { Histogram } from "./histogram.ts";
import { Minutes } from "./minutes.ts";

const AT_MS = 1_800_000_000_000;

function add(minutes: Minutes, second: number, { open = 0, spanMs = 1_000, tookMs = [1] } = {}) {
  const durable = new Histogram();
  for (const ms of tookMs) durable.observe(ms);
  const at = new Date(AT_MS + second * 1_000).toISOString();
  const counts = { accepted: tookMs.length, settled: [second, 1], p50Ms: 9, p99Ms: 9, unknown: 0 };
  minutes.add({ number: second, at, upMs: second * 1_000, spanMs, open, ...counts }, durable);
}

test("a minute is the sum of its seconds, with the quantiles of all its payments and the most open", () => {
  const minutes = new Minutes();
  // Half of the seconds have one quick payment each, the others three slow ones.
  for (let n = 1; n <= 60; n++) {
    const tookMs = n % 2 === 0 ? [1] : [100, 100, 100];
    add(minutes, n, { open: n === 30 ? 500 : 2, tookMs });
  }
  const [minute, ...more] = minutes.newest();
  expect(more).toEqual([]);
  expect(minute).toMatchObject({ number: 1, spanMs: 60_000, accepted: 120, open: 500 });
  expect(minute!.settled).toEqual([1_830, 60]);
  expect(minute!.at).toBe(new Date(AT_MS + 60_000).toISOString());
  expect(minute!.p50Ms).toBeWithin(96, 104);
});

test("the one under way is told with what it has so far, and the newest that are over are kept", () => {
  const minutes = new Minutes();
  expect(minutes.newest()).toEqual([]);
  add(minutes, 1, { tookMs: [100] });
  expect(minutes.newest()).toMatchObject([{ number: 1, spanMs: 1_000, accepted: 1 }]);
  for (let n = 2; n <= 10 * 60 + 7; n++) add(minutes, n, { tookMs: [n <= 60 ? 100 : 1] });
  const told = minutes.newest();
  // The slow ones were in the first minute.
  expect(Math.max(...told.map(({ p99Ms }) => p99Ms as number))).toBeWithin(0.9, 1.1);
  expect(told.map(({ number }) => number)).toEqual([6, 7, 8, 9, 10, 11]);
  expect(told.map(({ accepted }) => accepted)).toEqual([60, 60, 60, 60, 60, 7]);
});

test("a pipeline that stood still has one long minute", () => {
  const minutes = new Minutes();
  add(minutes, 1, { spanMs: 90_000, tookMs: [] });
  add(minutes, 2);
  expect(minutes.newest()).toMatchObject([
    { number: 1, spanMs: 90_000, p50Ms: null, p99Ms: null },
    { number: 2, spanMs: 1_000 },
  ]);
});
