import { expect, test } from "bun:test";
import type { ContestOptions } from "./options.ts";
import { faultsOf, jsonReport, medians, scorecard } from "./report.ts";
import type { RunReport } from "./run.ts";
import { scoreOf } from "./score.ts";

function report(accepted: number, settled: number, inconsistencies = 0, p99Ms = 1.25): RunReport {
  const sums = { default: { count: settled, cents: settled * 1_990 } };
  const fees = { default: 0.05 };
  return {
    score: scoreOf({ accepted, settled: sums, fees, p99Ms, inconsistencies }),
    accepted,
    failed: 0,
    settled: sums,
    latencies: { p50Ms: 0.4, p99Ms, p999Ms: 3, maxMs: 9, calls: accepted + 50 },
    calls: { 202: accepted, 200: 50 },
    audits: [
      {
        atMs: 10_000,
        gateway: { default: settled },
        processors: { default: settled + inconsistencies },
        difference: inconsistencies,
      },
    ],
    inconsistencies,
    strict: null,
    ownCpu: 0.031,
  };
}
const options = {
  site: { url: "http://127.0.0.1:9999" },
  users: 550,
  seconds: 60,
  seed: null,
  weatherName: "official",
} as ContestOptions;

test("a contest that went well has no faults", () => {
  const good = report(16_752, 16_752);
  expect(faultsOf(good)).toEqual([]);
  const card = scorecard(good, options);
  for (const text of [
    "380 035.87 (380 035.872)",
    "default 16 668.24 for 16 752 payments",
    "passed",
  ])
    expect(card).toContain(text);
});

test("lag, inconsistency, disqualification and violations are faults", () => {
  expect(faultsOf(report(10, 8))).toEqual(["2 payments not settled in time"]);
  expect(faultsOf(report(10, 10, 3))).toEqual(["3 inconsistencies"]);
  expect(faultsOf(report(10, 11))).toEqual(["disqualified: 1 more payments settled than accepted"]);
  const violation = { kind: "missing", id: "a", text: "answered 202, and unknown now" } as const;
  const found = {
    ...report(10, 10),
    strict: {
      drainMs: 1,
      payments: 10,
      takenUnanswered: 0,
      charged: { default: 10 },
      windows: 1,
      violations: [violation],
    },
  };
  expect(faultsOf(found)).toEqual(["1 violations found by the strict audit"]);
  expect(scorecard(found, options)).toContain("answered 202, and unknown now");
});

test("an audit that did not agree is shown", () => {
  expect(scorecard(report(10, 10, 3), options)).toMatch(
    /at 10 s +gateway: default 10; processors: default 13/,
  );
});

test("several contests have medians", () => {
  const text = medians([report(10, 10, 0, 3), report(10, 10, 0, 1), report(10, 10, 0, 2)]);
  expect(text).toContain("2.00 ms (1.00 ms to 3.00 ms)");
});

test("the report as JSON has the figures as numbers", () => {
  const json = JSON.parse(jsonReport([report(16_752, 16_752)], options));
  expect(json).toMatchObject({
    users: 550,
    medianScore: 380_035.872,
    runs: [{ passed: true, net: 316_696.56, fees: { default: 16_668.24 }, lag: 0, bonus: 0.2 }],
  });
});
