import { expect, test } from "bun:test";
import { Pace, PACE_DEFAULTS } from "./pace.ts";

/** A door at which a payment comes in every millisecond and takes `tookMs`, beside a queue that never ends. */
function run(pace: Pace, fromMs: number, toMs: number, tookMs: (nowMs: number) => number): number {
  let started = 0;
  for (let nowMs = fromMs; nowMs < toMs; nowMs++) {
    pace.accepted(nowMs, tookMs(nowMs));
    for (; pace.allows(nowMs); started++) pace.started();
  }
  return started;
}

test("with nobody at the door there is no limit", () => {
  const pace = new Pace();
  for (let i = 0; i < 10_000; i++) {
    expect(pace.allows(5)).toBe(true);
    pace.started();
  }
});

test("what was started with nobody at the door holds nothing up later", () => {
  const pace = new Pace();
  run(pace, 0, 10, () => 1);
  for (let i = 0; i < 100_000; i++) {
    expect(pace.allows(200)).toBe(true);
    pace.started();
  }
  expect(run(pace, 210, 310, () => 1)).toBeWithin(80, 200);
});

test("while acceptances are quick the pace rises, evenly spread", () => {
  const pace = new Pace();
  const first = run(pace, 0, 100, () => 1);
  expect(first).toBeWithin(80, 200);
  expect(run(pace, 100, 1_000, () => 1)).toBeGreaterThan(12 * first);
  expect(pace.perMs).toBeWithin(3.5, 5);
  const most = Math.max(
    ...Array.from({ length: 50 }, (_, i) => run(pace, 1_000 + i, 1_001 + i, () => 1)),
  );
  expect(most).toBeLessThanOrEqual(Math.ceil(pace.perMs) + 1);
});

test("when they become slow it halves, down to a floor", () => {
  const pace = new Pace();
  run(pace, 0, 1_000, () => 1);
  const before = pace.perMs;
  run(pace, 1_000, 1_011, () => 20);
  expect(pace.perMs).toBeWithin(before / 4 - 0.1, before / 2 + 0.2);
  run(pace, 1_011, 1_500, (nowMs) => (nowMs % 2 === 0 ? 1 : 20));
  expect(run(pace, 1_500, 1_600, () => 50)).toBeGreaterThan(50);
});

test("a late acceptance costs half of the pace, and the next step of it half of what is left", () => {
  // With nothing to outrun, what comes in keeps no pace up.
  const pace = new Pace({ ...PACE_DEFAULTS, outrun: 0, perMsMin: 0.001 });
  run(pace, 0, 1_000, () => 1);
  const before = pace.perMs;
  pace.accepted(1_010, 20);
  expect(pace.perMs).toBeCloseTo(before / 2);
  pace.started();
  pace.accepted(1_019, 20);
  expect(pace.perMs).toBeCloseTo(before / 2);
  pace.accepted(1_020, 20);
  expect(pace.perMs).toBeCloseTo(before / 4);
});

test.each([
  [1, 1.9],
  [2, 3.8],
  [8, 3.9],
])("however slow they are, at %d a millisecond it stays at %d at least", (perMs, least) => {
  const pace = new Pace();
  const started = (fromMs: number, toMs: number) => {
    let count = 0;
    for (let nowMs = fromMs; nowMs < toMs; nowMs++) {
      for (let i = 0; i < perMs; i++) pace.accepted(nowMs, nowMs % 20 < 10 ? 1 : 50);
      for (; pace.allows(nowMs); count++) pace.started();
    }
    return count;
  };
  started(0, 1_000);
  expect(started(1_000, 2_000)).toBeWithin(least * 1_000, 1.3 * least * 1_000);
});

test("a journal that is slow anyway is no reason", () => {
  const pace = new Pace();
  const before = pace.perMs;
  run(pace, 0, 1_000, (nowMs) => 12 + (nowMs % 5));
  expect(pace.perMs).toBeGreaterThan(before);
});

test("what is not used does not change", () => {
  const pace = new Pace();
  const before = pace.perMs;
  for (let nowMs = 0; nowMs < 1_000; nowMs++) pace.accepted(nowMs, nowMs % 100 === 0 ? 50 : 1);
  expect(pace.perMs).toBe(before);
});
