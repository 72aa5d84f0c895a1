import { expect, test } from "bun:test";
import type { Lane } from "../lane.ts";
import { VirtualClock } from "../pipeline/world.fixture.ts";
import { Meter } from "./meter.ts";

/** Meter of a pipeline whose counts and clock a test moves. */
function metered() {
  const clock = new VirtualClock();
  const [open, counts, lane] = [
    { count: 0, countByState: { unknown: 0 } },
    { stored: 0 },
    { settled: 0 },
  ];
  const meter = new Meter(clock, open, [lane as Lane], () => counts.stored);
  const tickAt = (atMs: number) => {
    clock.nowMs = atMs;
    meter.tick();
    return meter.seconds.map(({ spanMs }) => spanMs);
  };
  return { meter, open, counts, lane, tickAt };
}

test("a second in which nothing happens ends with a tick that comes a little sooner", () => {
  const { meter, tickAt } = metered();
  expect(meter.nextTickAtMs).toBe(1_000);
  expect(tickAt(799)).toEqual([]);
  expect(tickAt(800)).toEqual([800]);
  expect(tickAt(1_599)).toEqual([800]);
  expect(tickAt(1_750)).toEqual([800, 950]);
  expect(meter.nextTickAtMs).toBe(2_750);
});

test.each([
  ["is open", ({ open }) => void (open.count = 1)],
  ["was accepted", ({ counts }) => void (counts.stored = 1)],
  ["was settled", ({ lane }) => void (lane.settled = 1)],
] as const satisfies [string, (site: ReturnType<typeof metered>) => void][])(
  "one in which a payment %s ends at its end",
  (_, happens) => {
    const site = metered();
    happens(site);
    expect(site.tickAt(999)).toEqual([]);
    expect(site.tickAt(1_000)).toEqual([1_000]);
  },
);
