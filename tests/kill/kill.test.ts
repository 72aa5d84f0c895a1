import { expect, setDefaultTimeout, test } from "bun:test";
import { kill } from "./kill.ts";
import { reportText } from "./report.ts";

const KILLS = 60;
setDefaultTimeout(600_000);

test("whatever is killed, paused or drained, every payment answered 202 is charged once and summed to the cent", async () => {
  const report = await kill({ kills: KILLS, seed: 5, rate: 200 });
  process.stdout.write(reportText(report));
  expect(report.violations).toEqual([]);
  // Trouble must have come at all.
  expect(report.kills).toBeGreaterThanOrEqual(KILLS);
  expect(report.acknowledged).toBeGreaterThan(1_000);
  expect(report.idsChecked).toBeGreaterThanOrEqual(report.acknowledged);
  expect(report.processors).toEqual({ simulated: 1, independent: 1 });
  expect(report.history.operations).toBeGreaterThan(report.acknowledged);
  expect(report.history.summaries).toBeGreaterThan(50);
  for (const count of Object.values(report.relay)) expect(count).toBeGreaterThan(0);
});
