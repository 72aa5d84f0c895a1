import { expect, test } from "bun:test";
import { Bench, last } from "./scripted.fixture.ts";

const fine = { reading: { failing: false, minResponseTimeMs: 70 }, retryAfterMs: 0 };
const failing = { reading: { failing: true, minResponseTimeMs: 0 }, retryAfterMs: 0 };
const noNews = { reading: null, retryAfterMs: 0 };

/** How long until the next probe of the default processor leaves. */
async function nextProbeAfterMs(bench: Bench): Promise<number> {
  const { length } = bench.default.probes;
  const startMs = bench.clock.nowMs;
  while (bench.default.probes.length === length && bench.clock.nowMs < startMs + 1e6) {
    await bench.tick();
  }
  return bench.clock.nowMs - startMs;
}

test("every processor is probed at the first tick, and one probe at a time", async () => {
  using bench = new Bench();
  await bench.tick();
  expect(bench.processors.map(({ probes }) => probes.length)).toEqual([1, 1]);
  for (let i = 0; i < 100; i++) await bench.tick(1_000);
  expect(bench.processors.map(({ probes }) => probes.length)).toEqual([1, 1]);
});

test("while a payment is open probes are a little over five seconds apart, counted from the call", async () => {
  using bench = new Bench();
  bench.take(1);
  await bench.tick();
  await last(bench.default.probes).answer(fine);
  expect(await nextProbeAfterMs(bench)).toBe(5_050);
  bench.clock.nowMs += 3_000;
  await last(bench.default.probes).answer(fine);
  expect(await nextProbeAfterMs(bench)).toBe(2_050);
});

test("while none is open a probe leaves with the next tick after its time", async () => {
  using bench = new Bench();
  await bench.tick();
  await last(bench.default.probes).answer(fine);
  const afterMs = await nextProbeAfterMs(bench);
  expect(afterMs).toBeGreaterThanOrEqual(5_050);
  expect(afterMs).toBeLessThan(6_050);
  // The meter's seconds have ticks of their own.
  expect(bench.clock.nowMs % 1_000).toBe(0);
});

test("Retry-After postpones the next probe", async () => {
  using bench = new Bench();
  bench.take(1);
  await bench.tick();
  await last(bench.default.probes).answer({ reading: null, retryAfterMs: 9_000 });
  expect(await nextProbeAfterMs(bench)).toBe(9_000);
});

test("a reading reaches the lane of its processor only", async () => {
  using bench = new Bench();
  await bench.tick();
  await last(bench.fallback.probes).answer(fine);
  expect(bench.lanes.map(({ latencyMs }) => latencyMs)).toEqual([50, 70]);
  await last(bench.default.probes).answer(failing);
  expect(bench.lanes.map(({ breaker }) => breaker.kind)).toEqual(["open", "closed"]);
});

test("no news changes nothing", async () => {
  using bench = new Bench();
  await bench.tick();
  await last(bench.default.probes).answer(noNews);
  expect(bench.lanes[0]!).toMatchObject({ latencyMs: 50, working: true });
});

test("that it could not be reached is kept until it can", async () => {
  using bench = new Bench();
  await bench.tick();
  await last(bench.default.probes).answer({ ...noNews, unreachable: "ECONNREFUSED" });
  expect(bench.lanes.map(({ unreachable }) => unreachable)).toEqual(["ECONNREFUSED", null]);
  await nextProbeAfterMs(bench);
  await last(bench.default.probes).answer(noNews);
  expect(bench.lanes[0]?.unreachable).toBe(null);
});

test("while draining nobody is probed", async () => {
  using bench = new Bench();
  bench.pipeline.startDrain();
  await bench.tick();
  expect(bench.default.probes).toEqual([]);
});

test("a probe's end asks for a tick while a payment is open, and when the next one is due by then", async () => {
  using bench = new Bench();
  let asked = 0;
  await bench.tick();
  bench.pipeline.onEvent = () => void asked++;
  await last(bench.default.probes).answer(fine);
  expect(asked).toBe(0);
  // The next one has an instant while this one is under way.
  expect(bench.pipeline.nextTickAtMs).toBeLessThanOrEqual(bench.clock.nowMs + 1_000);
  bench.clock.nowMs += 6_000;
  await last(bench.fallback.probes).answer(fine);
  expect(asked).toBe(1);
  bench.take(1);
  await bench.tick(6_000);
  asked = 0;
  await last(bench.default.probes).answer(fine);
  expect(asked).toBeGreaterThan(0);
});
