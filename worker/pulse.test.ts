import { expect, test } from "bun:test";
import { allocatePulse, Pulse, PulseWatch } from "./pulse.ts";

/** Distance of the clocks: the watching thread started so much later. */
const APART_MS = -7_000;

function watched() {
  const memory = allocatePulse();
  const [pulse, watch] = [new Pulse(memory), new PulseWatch(memory)];
  const look = (atMs: number) => watch.standstill(atMs + APART_MS);
  return { pulse, watch, look };
}

test("a pipeline that ticks does not stand still, whatever the two clocks say", () => {
  const { pulse, look } = watched();
  for (let nowMs = 0; nowMs < 20_000; nowMs += 10) {
    pulse.beat(nowMs);
    expect(look(nowMs + 9)).toBeNull();
  }
});

test("without a beat for 2.5 s it stands still, and says for how long", () => {
  const { pulse, look } = watched();
  pulse.beat(10_000);
  expect(look(10_000)).toBeNull();
  expect(look(12_499)).toBeNull();
  expect(look(12_500)).toBe("the pipeline has stood still for 2 s");
  expect(look(71_000)).toBe("the pipeline has stood still for 61 s");
  pulse.beat(71_010);
  expect(look(71_015)).toBeNull();
});

test("when it stands still in a commit the disk is named, and after the commit it is not", () => {
  const { pulse, look } = watched();
  pulse.beat(0);
  look(0);
  pulse.committing(true, 0);
  expect(look(3_000)).toContain(": the journal's disk does not answer a commit");
  pulse.committing(false, 3_000);
  expect(look(3_000)).toBeNull();
  expect(look(5_500)).toBe("the pipeline has stood still for 2 s");
});

test("for as long as it has not been silent for 2.5 s it cannot come to stand still", () => {
  const { pulse, watch } = watched();
  pulse.beat(0);
  expect([0, 900, 2_500, 9_000].map((atMs) => watch.movesForMs(atMs))).toEqual([
    2_500, 1_600, 0, 0,
  ]);
});

test("how far the clocks are apart is learnt from the freshest beat", () => {
  const { pulse, watch } = watched();
  pulse.beat(0);
  expect(watch.silentMs(1_100)).toBe(0);
  pulse.beat(1_000);
  expect(watch.silentMs(2_005)).toBe(0);
  expect(watch.silentMs(2_105)).toBe(100);
});
