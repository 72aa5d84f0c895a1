import { expect, test } from "bun:test";
import { describeSkips, skipsIn } from "./skips.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="5" assertions="1" failures="0" skipped="4" time="0.01">
  <testsuite name="a.test.ts" file="a.test.ts" tests="4" skipped="3">
    <testsuite name="outer (skipped: there&apos;s no strace)" file="a.test.ts" line="2" tests="2">
      <testcase name="one" classname="outer (skipped: there&apos;s no strace)" time="0" file="a.test.ts" line="2" assertions="0">
        <skipped />
      </testcase>
    </testsuite>
    <testcase name="two (skipped: there&apos;s no strace)" classname="" time="0" file="a.test.ts" line="3" assertions="0">
      <skipped />
    </testcase>
    <testcase name="runs" classname="" time="0" file="a.test.ts" line="4" assertions="1" />
    <testcase name="a &lt; b" classname="part" time="0" file="a.test.ts" line="5" assertions="0">
      <skipped message="TODO" />
    </testcase>
  </testsuite>
  <testsuite name="b.test.ts" file="b.test.ts" tests="1" skipped="1">
    <testcase name="three (skipped: there&apos;s no strace)" classname="" time="0" file="b.test.ts" line="3" assertions="0">
      <skipped />
    </testcase>
  </testsuite>
</testsuites>`;

test("what is skipped is told by its reason, and by its name when it gives none", () => {
  expect(describeSkips(skipsIn(REPORT))).toEqual([
    "skipped 1: part > a < b (a.test.ts)",
    "skipped 3: there's no strace (a.test.ts, b.test.ts)",
  ]);
});

test("a run that skips nothing has no line", () => {
  expect(describeSkips(skipsIn(REPORT.replaceAll("<skipped", "<ran")))).toEqual([]);
});
