import { expect, test } from "bun:test";
import { Slack } from "./slack.ts";

const NOW_MS = 1_000_000;

test.each([
  [15_000, 500],
  [1_000, 250],
  [0, 0],
])(
  "the margin of a patience of %d ms is %d ms, whatever quicker commits take",
  (patienceMs, ms) => {
    const slack = new Slack(patienceMs);
    slack.committed(NOW_MS, ms);
    expect(slack.at(NOW_MS).marginMs).toBe(ms);
  },
);

test("a commit that took longer is the margin for ten seconds", () => {
  const slack = new Slack(15_000);
  slack.committed(NOW_MS, 501);
  expect(slack.at(NOW_MS + 9_999)).toEqual({ marginMs: 501, lateWaitMs: 3_000 });
  expect(slack.at(NOW_MS + 10_000)).toEqual({ marginMs: 500, lateWaitMs: 3_000 });
});

test("of several the longest is, and then what came after", () => {
  const slack = new Slack(15_000);
  slack.committed(NOW_MS, 900);
  slack.committed(NOW_MS + 5_000, 700);
  expect(slack.at(NOW_MS + 5_000).marginMs).toBe(900);
  slack.committed(NOW_MS + 10_000, 600);
  expect(slack.at(NOW_MS + 10_000).marginMs).toBe(600);
  slack.committed(NOW_MS + 11_000, 600);
  expect(slack.at(NOW_MS + 20_999).marginMs).toBe(600);
});

test("no commit takes more than half of the patience", () => {
  const slack = new Slack(2_000);
  slack.committed(NOW_MS, 60_000);
  expect(slack.at(NOW_MS)).toEqual({ marginMs: 1_000, lateWaitMs: 2_000 });
});
