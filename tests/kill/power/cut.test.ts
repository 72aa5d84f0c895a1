/** Cuts the power under load, as far as there is a strace that may trace. */
import { expect, test } from "bun:test";
import { whyNoTrace } from "../trace.ts";
import { cutPower, powerText } from "./cut.ts";

const CUTS = 4;

const whyNot = await whyNoTrace();
const note = whyNot === null ? "" : ` (${whyNot})`;

test.skipIf(whyNot !== null)(
  `a power cut takes nothing that was answered 202, and with JOURNAL_SYNC=normal the newest only${note}`,
  async () => {
    const options = { cuts: CUTS, seed: 7, source: true, over: null, log: () => {} };
    const report = await cutPower(options);
    process.stdout.write(powerText(report));
    expect(report.violations).toEqual([]);
    for (const { cuts, acknowledged } of [report.full, report.normal]) {
      expect(cuts).toBe(CUTS);
      expect(acknowledged).toBeGreaterThan(100);
    }
    // The cuts do take what they may.
    expect(report.full.lost).toBe(0);
    expect(report.normal.lost).toBeGreaterThan(0);
  },
);
