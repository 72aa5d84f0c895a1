import { expect, test } from "bun:test";
import { countTests, sum } from "./counts.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="7" assertions="9" failures="1" skipped="2" time="0.01">
  <testsuite name="a.test.ts" file="a.test.ts" tests="4" assertions="1" failures="1" skipped="2">
    <testsuite name="part" file="a.test.ts" line="2" tests="4" failures="1" skipped="2" />
  </testsuite>
  <testsuite name="b.test.ts" file="b.test.ts" tests="3" assertions="8" failures="0" skipped="0" />
</testsuites>`;

test("a run is counted from its report", () => {
  const { counts, missing } = countTests(REPORT, 1, ["a.test.ts", "b.test.ts"]);
  expect(counts).toEqual({ passed: 4, failed: 1, skipped: 2 });
  expect(missing).toEqual([]);
});

test("a test file that is not in the report counts as failed", () => {
  const { counts, missing } = countTests(REPORT, 1, ["a.test.ts", "b.test.ts", "broken.test.ts"]);
  expect(counts).toEqual({ passed: 4, failed: 2, skipped: 2 });
  expect(missing).toEqual(["broken.test.ts"]);
});

test("a run without a report fails once a file, even when it claims success", () => {
  expect(countTests("", 0, ["a.test.ts", "b.test.ts"]).counts.failed).toBe(2);
});

test("a run that fails outside its tests counts as failed", () => {
  const clean = REPORT.replaceAll('failures="1"', 'failures="0"');
  expect(countTests(clean, 1, ["a.test.ts", "b.test.ts"]).counts.failed).toBe(1);
  expect(countTests(clean, 0, ["a.test.ts", "b.test.ts"]).counts.failed).toBe(0);
});

test("steps add up", () => {
  const step = { passed: 1, failed: 0, skipped: 0 };
  expect(sum(step, { passed: 4, failed: 1, skipped: 2 })).toEqual({
    passed: 5,
    failed: 1,
    skipped: 2,
  });
});
