import { expect, test } from "bun:test";
import fc from "fast-check";
import { Limit, nextLimit } from "./limit.ts";

/** Records answers while the limit is used to the full. */
function use(limit: Limit, nowMs: number, latencyMs: number, answers: number): Limit {
  for (let i = 0; i < answers; i++) limit.answered(nowMs, limit.value, latencyMs);
  return limit;
}

const fine = { inFlight: 10, latencyMs: 20, leastMs: 20 };

test("starts with eight, or with the cap when that is lower", () => {
  expect(new Limit(640).value).toBe(8);
  expect(new Limit(3).value).toBe(3);
});

test("grows by one an answer in slow start", () => {
  expect(nextLimit(10, 640, fine)).toEqual({ limit: 11, threshold: 640 });
  expect(use(new Limit(640), 0, 20, 8).value).toBe(16);
});

test("grows by one a round beyond the threshold", () => {
  expect(nextLimit(10, 10, fine)).toEqual({ limit: 10.1, threshold: 10 });
  let step = { limit: 10, threshold: 10 };
  for (let i = 0; i < 11; i++) step = nextLimit(step.limit, step.threshold, fine);
  expect(Math.floor(step.limit)).toBe(11);
});

test("does not grow when less than half of it is used", () => {
  expect(nextLimit(10, 640, { ...fine, inFlight: 4 })).toEqual({ limit: 10, threshold: 640 });
  expect(nextLimit(10, 640, { ...fine, inFlight: 5 }).limit).toBe(11);
});

test("is held, and slow start is over, while calls queue at the processor", () => {
  const queueing = { inFlight: 10, latencyMs: 51, leastMs: 20 };
  expect(nextLimit(10, 640, queueing)).toEqual({ limit: 10, threshold: 10 });
  expect(nextLimit(10, 5, queueing)).toEqual({ limit: 10, threshold: 5 });
  expect(nextLimit(10, 640, { ...queueing, latencyMs: 50 }).limit).toBe(11);
});

test("a few milliseconds more are the scheduler's, not a queue's", () => {
  expect(nextLimit(10, 640, { inFlight: 10, latencyMs: 11, leastMs: 0.5 }).limit).toBe(11);
});

test("compares with the least latency of this and the previous second, not with an older one", () => {
  const limit = use(new Limit(640), 0, 1, 1);
  use(limit, 100, 100, 5);
  expect(limit.value).toBe(9);
  use(limit, 1_000, 100, 5);
  expect(limit.value).toBe(9);
  // The apparent queue was a slower processor: the slow start goes on, up to its least threshold.
  use(limit, 2_000, 100, 10);
  expect(limit.value).toBe(19);
});

test("forgets a queue when it has seen none for a second, and not before", () => {
  const doubled = (atMs: number) => {
    // It starts at eight, and calls queue at once.
    const limit = use(new Limit(16), 0, 1, 1);
    use(limit, 100, 100, 1);
    // A busy limit creeps; an idle one would be held again.
    use(limit, 100 + atMs, 1, 1);
    return use(limit, 100 + atMs, 1, 3).value;
  };
  expect(doubled(999)).toBe(9);
  expect(doubled(1_000)).toBe(12);
});

test("never exceeds its cap", () => {
  const limit = use(new Limit(50), 0, 20, 1_000);
  expect(limit.value).toBe(50);
});

test("shrinks by a third, once a latency, however many calls were dropped", () => {
  const limit = use(new Limit(640), 0, 20, 92);
  expect(limit.value).toBe(100);
  for (let i = 0; i < 50; i++) limit.dropped(1_000 + i, 20);
  expect(limit.value).toBe(70);
  limit.dropped(1_100, 20);
  expect(limit.value).toBe(49);
  limit.dropped(1_250, 200);
  expect(limit.value).toBe(49);
  limit.dropped(1_300, 200);
  expect(limit.value).toBe(34);
});

test("grows slowly from where it was dropped to", () => {
  const limit = use(new Limit(640), 0, 20, 92);
  limit.dropped(1_000, 20);
  use(limit, 1_100, 20, 70);
  expect(limit.value).toBe(70);
  use(limit, 1_100, 20, 2);
  expect(limit.value).toBe(71);
});

test("never falls below four", () => {
  const limit = new Limit(640);
  for (let nowMs = 0; nowMs < 100_000; nowMs += 1_000) limit.dropped(nowMs, 20);
  expect(limit.value).toBe(4);
});

test("ramps up anew after a restart", () => {
  const limit = use(new Limit(640), 0, 20, 600);
  limit.dropped(1_000, 20);
  limit.restart();
  expect(limit.value).toBe(8);
  expect(use(limit, 1_100, 20, 8).value).toBe(16);
});

test("stays between its bounds whatever happens", () => {
  const event = fc.record({
    afterMs: fc.nat(3_000),
    kind: fc.constantFrom("answered", "dropped", "restart"),
    latencyMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
    inFlight: fc.nat(2_000),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 800 }), fc.array(event), (max, events) => {
      const limit = new Limit(max);
      let nowMs = 0;
      for (const { afterMs, kind, latencyMs, inFlight } of events) {
        nowMs += afterMs;
        if (kind === "answered") limit.answered(nowMs, inFlight, latencyMs);
        else if (kind === "dropped") limit.dropped(nowMs, latencyMs);
        else limit.restart();
        expect(limit.value).toBeGreaterThanOrEqual(Math.min(4, max));
        expect(limit.value).toBeLessThanOrEqual(max);
      }
    }),
  );
});
