/** Tests that a payment which waits for its cheapest processor holds up none that is cheapest elsewhere. */
import { expect, test } from "bun:test";
import { FREE, shareOf } from "../../shared/tariff.ts";
import { Bench } from "./scripted.fixture.ts";

/** 2.9 % + 0.30 is cheaper from 14.29 on. */
const CONFIGURED = [
  { name: "cards", fee: { ...FREE, perMillion: 29_000, fixedCents: 30 } },
  { name: "share", fee: shareOf(0.05) },
];
const SMALL_CENTS = 1_428;
const LARGE_CENTS = 1_429;
const REFUSED = { kind: "refused", reason: "500", overloaded: false } as const;

test("each amount goes where it is cheapest", async () => {
  using bench = new Bench({ configured: CONFIGURED });
  bench.take(1, SMALL_CENTS);
  bench.take(2, LARGE_CENTS);
  await bench.commit();
  expect(bench.processors.map(({ charges }) => charges.length)).toEqual([1, 1]);
  expect(bench.default.bodiesOf(2)).toHaveLength(1);
  expect(bench.fallback.bodiesOf(1)).toHaveLength(1);
});

test("while large ones wait for theirs, small ones are sent as they come", async () => {
  using bench = new Bench({ configured: CONFIGURED });
  for (let n = 1; n <= 5; n++) bench.take(n, LARGE_CENTS);
  await bench.commit();
  for (const charge of bench.default.charges.slice()) await charge.answer(REFUSED);
  expect(bench.lanes[0]!.breaker.kind).toBe("open");
  await bench.commit();
  bench.take(6, LARGE_CENTS);
  bench.take(7, SMALL_CENTS);
  await bench.commit();
  expect(bench.pipeline.queue.length).toBeGreaterThan(0);
  expect(bench.default.bodiesOf(6)).toEqual([]);
  expect(bench.fallback.charges).toHaveLength(1);
  expect(bench.fallback.bodiesOf(7)).toHaveLength(1);
});

test("of two lines that wait for one processor the nearest deadline is served first", async () => {
  using bench = new Bench({ configured: CONFIGURED, inFlightMax: 1 });
  for (const [n, cents] of [LARGE_CENTS, SMALL_CENTS, SMALL_CENTS, LARGE_CENTS].entries()) {
    bench.take(n + 1, cents);
    bench.clock.nowMs += 10;
  }
  await bench.commit();
  expect(bench.pipeline.queue.byDeadline().map(({ queue }) => queue.length)).toEqual([1, 1]);
  const [first, second] = bench.pipeline.queue.byDeadline();
  expect(first!.queue.deadlineMsAt(0)).toBeLessThan(second!.queue.deadlineMsAt(0));
  await bench.default.charges[0]!.answer({ kind: "accepted" });
  await bench.commit();
  expect(bench.default.bodiesOf(4)).toHaveLength(1);
  expect(bench.fallback.charges).toHaveLength(1);
});
