import { expect, test } from "bun:test";
import { lineOf, readMetrics } from "./live.ts";
import { grouped, money } from "./text.ts";

const PAGE = `# HELP papaleguas_backlog Payments accepted and not settled
# TYPE papaleguas_backlog gauge
papaleguas_backlog 12
papaleguas_backlog_payments{state="queued"} 7
papaleguas_settled_total{processor="default"} 1200
papaleguas_settled_total{processor="fallback"} 34
papaleguas_breaker_state{processor="default"} 2
papaleguas_breaker_state{processor="fallback"} 0
`;

test("settled, backlog and breakers are read off the metrics", () => {
  expect(readMetrics(PAGE)).toEqual({
    settled: 1_234,
    backlog: 12,
    breakers: { default: "open", fallback: "closed" },
  });
});

test("another page is no news", () => {
  expect(readMetrics("")).toBeNull();
  expect(readMetrics("other_backlog 1\n")).toBeNull();
});

test("without metrics their columns are left out", () => {
  const moment = { second: 7, users: 65, accepted: 1_300, failed: 0 };
  expect(lineOf({ ...moment, news: null })).toBe("   7 s  users   65  accepted   1 300");
  expect(lineOf({ ...moment, failed: 2, news: readMetrics(PAGE) })).toBe(
    "   7 s  users   65  accepted   1 300  settled   1 234  backlog     12  default open       fallback closed     failed 2",
  );
});

test("numbers are grouped", () => {
  expect([0, 999, 1_000, 1_234_567].map(grouped)).toEqual(["0", "999", "1 000", "1 234 567"]);
  expect([0, 99.5, 38_003_587.2, -150].map(money)).toEqual(["0.00", "1.00", "380 035.87", "-1.50"]);
});
