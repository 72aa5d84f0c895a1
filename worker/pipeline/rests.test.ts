/** Tests how long a refused payment waits before it is tried again, and what ends that. */
import { describe, expect, test } from "bun:test";
import { Bench, last, REFUSED } from "./scripted.fixture.ts";
import { idOf } from "./world.fixture.ts";

describe("a refusal after the first", () => {
  test("is followed by a rest that doubles from 50 ms up to 400", async () => {
    // Forced, so that its breaker has no say.
    using bench = new Bench({ random: () => 0.999 });
    bench.lanes[0]!.mode = "forced";
    await bench.send(1);
    const sentAtMs = [bench.clock.nowMs];
    while (sentAtMs.length < 8 && bench.clock.nowMs < 60_000) {
      const { length } = bench.default.charges;
      await last(bench.default.charges).answer(REFUSED);
      await bench.commit();
      while (bench.default.charges.length === length) await bench.tick(1);
      sentAtMs.push(bench.clock.nowMs);
    }
    const restsMs = sentAtMs.slice(1).map((atMs, i) => atMs - (sentAtMs[i] as number));
    expect(restsMs).toEqual([0, 50, 100, 200, 400, 400, 400]);
  });

  test("is followed by none when chance says so", async () => {
    using bench = new Bench({ random: () => 0 });
    bench.lanes[0]!.mode = "forced";
    await bench.send(1);
    for (let refusals = 1; refusals < 6; refusals++) {
      await last(bench.default.charges).answer(REFUSED);
      await bench.tick(1);
      expect(bench.default.charges).toHaveLength(refusals + 1);
    }
  });
});

test("a payment that rests is woken up when a breaker changes", async () => {
  using bench = new Bench({ random: () => 0.999 });
  await bench.send(1);
  for (let refusals = 0; refusals < 2; refusals++) {
    await last(bench.default.charges).answer(REFUSED);
    await bench.commit();
  }
  expect([bench.default.bodiesOf(1).length, bench.pipeline.queue.length]).toEqual([2, 0]);
  // Three more failures open the breaker: another lane may be the right one now.
  for (const n of [2, 3, 4]) bench.take(n);
  await bench.commit();
  for (const charge of bench.default.charges.slice(2)) await charge.answer(REFUSED);
  expect(bench.lanes[0]!.breaker.kind).toBe("open");
  expect(bench.pipeline.queue.byDeadline()[0]!.queue.takeOldest()?.payment.correlationId).toBe(
    idOf(1),
  );
});
