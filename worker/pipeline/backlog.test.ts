import { expect, test } from "bun:test";
import { Bench } from "./scripted.fixture.ts";
import { WALL_START_MS } from "./world.fixture.ts";

test("payments that wait are started at a pace while others come in, and at once when none do", async () => {
  using bench = new Bench({ patienceMs: 3_600_000 });
  const acceptedAtMs = WALL_START_MS - 5_000;
  const left = Array.from({ length: 3_000 }, (_, n) => ({ n, acceptedAtMs, assignment: null }));
  await bench.crash(left);
  // The limit is as if it had grown: room for all of them.
  Object.defineProperty(bench.lanes[0]!, "hasRoom", { value: true });
  bench.take(5_000);
  await bench.commit();
  const startedAtMs: number[] = [];
  for (let ms = 0; ms < 90; ms += 10) {
    const { length } = bench.default.charges;
    await bench.tick(10);
    startedAtMs.push(bench.default.charges.length - length);
  }
  // The pace is one a millisecond at first.
  expect(startedAtMs).toEqual(startedAtMs.map(() => 10));
  await bench.tick(100);
  expect(bench.pipeline.queue.length).toBe(0);
});
