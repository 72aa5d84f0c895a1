import { expect, test } from "bun:test";
import { lineOf, newsOf } from "./live.ts";
import { grouped, money } from "./text.ts";

const LIVE = {
  at: "2026-11-05T12:00:00.000Z",
  backlog: { open: 12, states: { queued: 7 } },
  lanes: [
    { name: "default", breaker: "open", settled: { count: 1_200, cents: 1 } },
    { name: "fallback", breaker: "closed", settled: { count: 34, cents: 1 } },
  ],
};

test("settled, backlog and breakers are read off the live figures", () => {
  expect(newsOf(LIVE)).toEqual({
    settled: 1_234,
    backlog: 12,
    breakers: { default: "open", fallback: "closed" },
  });
});

test("what another gateway says, or nothing, is no news", () => {
  expect(newsOf(null)).toBeNull();
  expect(newsOf({ backlog: 3 })).toBeNull();
});

test("without live figures their columns are left out", () => {
  const moment = { second: 7, users: 65, accepted: 1_300, failed: 0 };
  expect(lineOf({ ...moment, news: null })).toBe("   7 s  users   65  accepted   1 300");
  expect(lineOf({ ...moment, failed: 2, news: newsOf(LIVE) })).toBe(
    "   7 s  users   65  accepted   1 300  settled   1 234  backlog     12  default open       fallback closed     failed 2",
  );
});

test("numbers are grouped", () => {
  expect([0, 999, 1_000, 1_234_567].map(grouped)).toEqual(["0", "999", "1 000", "1 234 567"]);
  const [zero, half, score, less] = [0n, 99_500_000n, 38_003_587_200_000n, -150_000_000n].map(
    money,
  );
  expect([zero, half]).toEqual(["0.00", "1.00 (0.995)"]);
  expect([score, less]).toEqual(["380 035.87 (380 035.872)", "-1.50"]);
});
