import { expect, test } from "bun:test";
import { ClockSteps } from "./clock-steps.ts";

const NOON_MS = 1_767_614_400_000;

test("a step is told for a while, whichever way and however long nobody looked", () => {
  const steps = new ClockSteps();
  steps.look(NOON_MS, 0);
  steps.look(NOON_MS + 5_000, 5_000);
  expect(steps.lately(5_000)).toBeNull();
  steps.look(NOON_MS - 3_600_000 + 6_000, 6_000);
  expect(steps.lately(6_000)).toBe(-3_600_000);
  expect(steps.lately(600_000)).toBe(-3_600_000);
  expect(steps.lately(606_001)).toBeNull();
  steps.look(NOON_MS + 700_000, 700_000);
  expect(steps.lately(700_000)).toBe(3_600_000);
});

test("a clock that is corrected slowly does not step", () => {
  const steps = new ClockSteps();
  for (let s = 0; s < 10_000; s++) steps.look(NOON_MS + s * 1_000.5, s * 1_000);
  expect(steps.lately(10_000_000)).toBeNull();
});
