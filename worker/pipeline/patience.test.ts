/** A payment that waits for a cheaper processor leaves in time, though its assignment is committed before. */
import { describe, expect, test } from "bun:test";
import { ACCEPTED, Bench, last } from "./scripted.fixture.ts";

describe("a payment that waits until its last moment leaves in time", () => {
  const PATIENCE_MS = 1_000;

  test.each([0, 100, 240])(
    "while a commit takes no longer than the margin: %d ms",
    async (commitMs) => {
      using bench = new Bench({ patienceMs: PATIENCE_MS });
      const commit = async () => {
        bench.clock.nowMs += commitMs;
        await bench.commit();
      };
      for (let n = 1; n <= 50; n++) {
        bench.take(n);
        await commit();
        await last(bench.default.charges).answer(ACCEPTED);
        await commit();
      }
      bench.openLane(0);
      const takenAtMs = bench.clock.nowMs;
      bench.take(100);
      await commit();
      // Trials of the cheapest hang.
      const assigned = () => bench.pipeline.queue.length === 0;
      while (!assigned()) {
        bench.clock.nowMs += 5;
        bench.lanes[0]!.admit(bench.clock.nowMs);
        bench.pipeline.tick();
      }
      await commit();
      expect(bench.fallback.charges).toHaveLength(1);
      const leftMs = takenAtMs + PATIENCE_MS - bench.clock.nowMs;
      expect(leftMs).toBeGreaterThanOrEqual(bench.lanes[1]!.latencyMs);
      // It has waited nearly as long as it could.
      expect(leftMs).toBeLessThan(bench.lanes[1]!.latencyMs + PATIENCE_MS / 4 + 20);
    },
  );
});
