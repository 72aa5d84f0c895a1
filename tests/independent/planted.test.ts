/**
 * A worker that moves a payment to another processor after a lost answer charges it twice, and the kill loop has to
 * find that with the independent processor, too: the audit sees by its records, and by nobody else's.
 */
import { expect, test } from "bun:test";
import { fromSource } from "../../testing/programs.ts";
import { kill } from "../kill/kill.ts";

const [BUN, WORKER] = fromSource("worker.ts") as [string, string];
const PLANT = fromSource("simulation/planted/plant.ts")[1] as string;

test("a payment that moves after a lost answer is found to be charged twice", async () => {
  const worker = ["env", "PLANTED_BUG=move on timeout", BUN, "--preload", PLANT, WORKER];
  const report = await kill({
    kills: 1,
    seed: 3,
    rate: 60,
    source: true,
    independent: 1,
    worker,
    // A payment that the bug has left in conflict never settles.
    settleMsMax: 2_000,
  });
  expect(report.processors).toEqual({ simulated: 0, independent: 2 });
  expect(report.violations.map(({ kind }) => kind)).toContain("charged-twice");
});
