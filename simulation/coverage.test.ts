import { expect, test } from "bun:test";
import { coveredIn, judge, measure } from "./coverage.ts";

const LCOV = `TN:
SF:worker/router.ts
DA:1,5
DA:2,0
DA:3,0
DA:5,0
DA:6,1
end_of_record
TN:
SF:worker/other.ts
DA:1,0
end_of_record
`;
const part = (floor: number) => [{ name: "router", files: ["worker/router.ts"], floor }];

test("lines that were not met are named, and a part below its floor is not enough", () => {
  const covered = coveredIn(LCOV);
  expect(covered[0]).toEqual({ file: "worker/router.ts", lines: 5, missed: [2, 3, 5] });
  const lines = ["router: 40.0 % of 5 lines, at least 40.0 %", "  worker/router.ts: not 2-3, 5"];
  expect(judge(covered, part(0.4))).toEqual({ lines, isEnough: true });
  expect(judge(covered, part(0.41)).isEnough).toBe(false);
});

test("a part of which nothing was loaded is not enough", () => {
  expect(judge([], part(0.01)).isEnough).toBe(false);
});

test("the world meets the core's lines: its floors hold, and would not without trouble", async () => {
  const { lines, isEnough } = judge(await measure(1, 100, 60));
  console.log(lines.filter((line) => !line.startsWith(" ")).join("\n"));
  expect(isEnough).toBe(true);
  expect(judge(await measure(1, 1, 1)).isEnough).toBe(false);
});
