import { expect, test } from "bun:test";
import { describeRange, estimate, sumOf } from "./estimate.ts";

const counts = new Map([
  ["payments", 1_000_000],
  ["attempts", 500_000],
]);

test("a table counts as often as it is walked over, and one that is not there not at all", () => {
  const once = estimate(["payments"], counts, 1_000);
  expect(once.fromMs).toBeLessThan(1_000);
  expect(once.toMs).toBeGreaterThan(1_000);
  expect(estimate(["payments", "payments", "attempts"], counts, 1_000).fromMs).toBe(
    2.5 * once.fromMs,
  );
  expect(estimate(["blocks"], counts, 1_000).fromMs).toBe(0);
  expect(estimate(["payments"], counts, 500).fromMs).toBe(2 * once.fromMs);
});

test("a range is told in whole seconds that hold it", () => {
  expect(describeRange({ fromMs: 0, toMs: 1_000 })).toBe("less than a second");
  expect(describeRange({ fromMs: 300, toMs: 1_001 })).toBe("0 to 2 s");
  const both = sumOf([
    { fromMs: 1_900, toMs: 8_000 },
    { fromMs: 200, toMs: 1_500 },
  ]);
  expect(describeRange(both)).toBe("2 to 10 s");
});
