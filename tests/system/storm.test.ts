import { expect, test } from "bun:test";
import { storm } from "./storm.ts";
import { findingsText } from "../kill/report.ts";

const PAYMENTS = 4_000;

test.each([
  ["processors are slow, fail and heal", { seed: 11 }],
  [
    "processors lose answers and hang, and processes are killed",
    { seed: 12, faults: true, killWorkerEveryMs: 2_000, killApiEveryMs: 3_000 },
  ],
])("every payment is charged once and summed to the cent while %s", async (_, options) => {
  const report = await storm({ ...options, payments: PAYMENTS, rate: 400 });
  if (report.violations.length > 0) throw new Error(findingsText(report).join("\n"));
  // The storm must have come at all.
  const ids = new Set(report.load.answers.map(({ correlationId }) => correlationId));
  expect(ids.size).toBe(PAYMENTS);
  expect(report.load.calls["409"]).toBeGreaterThan(0);
  expect(report.collected.windows.length).toBe(200);
  // The weather decides how it is shared; the sum is the audit's.
  const recorded = [...report.collected.recorded.values()].flat();
  expect(recorded.length).toBeGreaterThan(PAYMENTS * 0.9);
  if ("killWorkerEveryMs" in options) {
    expect(report.kills.worker).toBeGreaterThan(2);
    expect(report.kills.api).toBeGreaterThan(1);
  }
});
