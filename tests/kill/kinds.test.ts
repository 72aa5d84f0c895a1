/**
 * A piece of `bun run kill --kinds`, so that it cannot rot: few kills, from source, and the audit in full. What
 * the audit would say of a processor that charges twice, and of a fee that is another one, is in
 * tests/system/audit.test.ts and recount.test.ts.
 */
import { expect, test } from "bun:test";
import { kill } from "./kill.ts";
import { reportText } from "./report.ts";

test("between processors of every kind, with fees that change, nothing is lost, charged twice or counted wrongly", async () => {
  const report = await kill({ kills: 4, seed: 3, rate: 60, kinds: true, source: true });
  process.stdout.write(reportText(report));
  expect(report.violations).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(4);
  expect(report.acknowledged).toBeGreaterThan(100);
  expect(report.kinds?.rejected).toBeGreaterThan(0);
  expect(report.kinds?.feeChanges).toBeGreaterThan(0);
});
