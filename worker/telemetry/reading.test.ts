import { describe, expect, test } from "bun:test";
import { CHANGES_KEPT, SECONDS_KEPT } from "../live.ts";
import { PipelineMetrics, type MetricsSources } from "./metrics.ts";
import { LiveReader } from "./reading.ts";
import type { Lane } from "../lane.ts";
import { World } from "../pipeline/world.fixture.ts";

const ALL = { afterSecond: 0, afterChange: 0 };

function readerOf({ clock, pipeline, journal }: World): LiveReader {
  return new LiveReader({
    clock,
    pipeline,
    journal,
    link: { strangers: () => [] },
    webhooks: null,
  });
}

describe("a breaker's changes", () => {
  test("are all told, in order, each with its cause", async () => {
    using world = new World();
    const reader = readerOf(world);
    const failing = (delayMs: number) => () => world.weather(0, delayMs, true);
    const fine = () => world.weather(0, 5, false);
    await world.run(9_000, {
      perSecond: 50,
      events: [
        { atMs: 1_000, happen: failing(20) },
        { atMs: 4_000, happen: fine },
      ],
    });
    const { changes, lanes } = reader.read(ALL);
    const ofDefault = changes.filter(({ processor }) => processor === "default");
    expect(ofDefault.map(({ from, to }) => `${from} > ${to}`)).toEqual([
      "closed > open",
      "open > half-open",
      "half-open > closed",
    ]);
    expect(ofDefault[0]!.cause).toMatch(/^500 without a body: it is failing, after \d+ ms$/);
    expect(ofDefault[1]!.cause).toMatch(/^a trial succeeded after \d+ ms$/);
    expect(changes.map(({ number }) => number)).toEqual(changes.map((_, i) => i + 1));
    expect(lanes[0]).toMatchObject({ name: "default", breaker: "closed", mode: "auto" });
    expect(reader.read({ afterSecond: 0, afterChange: 2 }).changes[0]!.number).toBe(3);
  });

  test("by a health reading say what was read", async () => {
    using world = new World();
    world.weather(0, 70, true);
    await world.run(200);
    const [change] = readerOf(world).read(ALL).changes;
    expect(change).toMatchObject({ from: "closed", to: "open", processor: "default" });
    expect(change!.cause).toBe("its health reading says failing: true, minResponseTime: 70 ms");
  });

  test("are kept up to a number", async () => {
    using world = new World();
    const { laneLog } = world.pipeline;
    const [first, second] = world.lanes as [Lane, Lane];
    for (let n = 0; n < CHANGES_KEPT + 50; n++) laneLog.modeChanged(first, "drained");
    laneLog.modeChanged(second, "forced");
    const { changes } = readerOf(world).read(ALL);
    expect(changes).toHaveLength(CHANGES_KEPT + 1);
    expect(changes.at(-1)).toMatchObject({ processor: "fallback", kind: "mode", to: "forced" });
  });

  test("of what an operator sets are told without who and why", async () => {
    using world = new World();
    const grounds = { who: "ana", why: "a secret reason", evidence: null };
    const decided = world.pipeline.operate({
      kind: "processor",
      action: "drain",
      name: "fallback",
      grounds,
    });
    await world.run(100);
    await decided;
    const { changes } = readerOf(world).read(ALL);
    expect(changes).toMatchObject([{ kind: "mode", from: "auto", to: "drained" }]);
    expect(JSON.stringify(changes)).not.toMatch(/ana|secret/);
  });
});

describe("seconds", () => {
  test("say what was accepted and settled, and how long it took until durable", async () => {
    using world = new World();
    const reader = readerOf(world);
    world.weather(0, 5, false);
    await world.run(5_000, { perSecond: 100 });
    const { seconds, untilDurable } = reader.read(ALL);
    expect(seconds.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    for (const { accepted, spanMs, settled, p99Ms } of seconds.slice(1)) {
      expect(spanMs).toBe(1_000);
      expect(accepted).toBeGreaterThan(95);
      expect(settled[0]).toBeGreaterThan(95);
      expect(settled[1]).toBe(0);
      expect(p99Ms).toBeLessThan(20);
    }
    expect(untilDurable!.payments).toBe(seconds.reduce((sum, { accepted }) => sum + accepted, 0));
    expect(reader.read({ afterSecond: 3, afterChange: 0 }).seconds).toHaveLength(2);
  });

  test("are kept up to a number, and the quantiles are of the last ten", async () => {
    using world = new World();
    const reader = readerOf(world);
    world.takeNext(3);
    await world.run((SECONDS_KEPT + 20) * 1_000);
    const { seconds, untilDurable } = reader.read(ALL);
    expect(seconds).toHaveLength(SECONDS_KEPT);
    expect(seconds.at(-1)!.number).toBe(SECONDS_KEPT + 20);
    expect(seconds.at(-1)).toMatchObject({ accepted: 0, p50Ms: null, p99Ms: null });
    expect(untilDurable).toBeNull();
  });
});

test("the backlog is told by state, with its age", async () => {
  using world = new World();
  for (const lane of [0, 1]) world.weather(lane, 5, true);
  world.takeNext(4);
  await world.run(3_000);
  const { backlog } = readerOf(world).read(ALL);
  expect(backlog.open).toBe(4);
  expect(Object.values(backlog.states).reduce((sum, count) => sum + count, 0)).toBe(4);
  expect(backlog.oldestSeconds).toBeCloseTo(3, 1);
  expect(backlog).toMatchObject({ max: 1_000_000, rejected: 0, conflict: 0 });
});

test.each([-3_600_000, 3_600_000])(
  "a wall clock that is set by %d ms makes no payment older or younger",
  async (setMs) => {
    using world = new World();
    for (const lane of [0, 1]) world.weather(lane, 5, true);
    world.takeNext(4);
    await world.run(2_000);
    world.clock.setMs = setMs;
    await world.run(3_000);
    const { backlog, upMs, seconds, changes } = readerOf(world).read(ALL);
    expect(backlog.oldestSeconds).toBeCloseTo(3, 1);
    expect(upMs).toBe(world.clock.nowMs);
    expect(seconds.map((second) => Math.round(second.upMs / 1_000))).toEqual([1, 2, 3]);
    for (const change of changes) expect(change.upMs).toBeWithin(0, upMs + 1);
    expect(changes.length).toBeGreaterThan(0);
    expect(await metric(world, "papaleguas_backlog_oldest_seconds")).toBeCloseTo(3, 1);
  },
);

test("figures of the kernel that cannot be read are left out of the metrics, not made 0", async () => {
  using world = new World();
  expect(await metric(world, "papaleguas_link_drops_total")).toBeUndefined();
  expect(await metric(world, "papaleguas_link_receive_buffer_bytes")).toBeUndefined();
  expect(await metric(world, "papaleguas_backlog")).toBe(0);
});

test("metrics say how far the clock was set since the start, and where the backlog ends", async () => {
  using world = new World();
  const read = metricsOf(world);
  await world.run(2_000);
  const aheadSeconds = async () => (await read("papaleguas_clock_set_seconds")) ?? Number.NaN;
  expect(await aheadSeconds()).toBeCloseTo(0, 2);
  world.clock.setMs = -3_600_000;
  expect(await aheadSeconds()).toBeCloseTo(-3_600, 2);
  expect(await read("papaleguas_backlog_limit")).toBe(world.pipeline.backlogMax);
});

const metric = (world: World, named: string) => metricsOf(world)(named);

function metricsOf({ clock, pipeline, journal }: World) {
  const link = {
    stats: { framesReceived: 0, framesSent: 0, oldSecret: 0, repeats: 0, drops: {} },
    receiveBufferBytes: null,
    kernelDrops: async () => null,
  } as unknown as MetricsSources["link"];
  const metrics = new PipelineMetrics({ clock, pipeline, journal, link, webhooks: null });
  return async (named: string) => {
    const all = (await metrics.snapshot()) as { name: string; values: { value: number }[] }[];
    return all.find(({ name }) => name === named)?.values[0]?.value;
  };
}
