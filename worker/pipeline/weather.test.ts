/** The whole pipeline in virtual time, between model processors whose weather changes. */
import type { Lane } from "../lane.ts";
import { describe, expect, test } from "bun:test";
import { NO_FAULTS } from "../../simulator/processor/faults.ts";
import { idOf, World, type Event, type WorldOptions } from "./world.fixture.ts";

const PER_SECOND = 550;
const AMOUNT_CENTS = 1_990;

const weather = (atMs: number, lane: number, delayMs: number, failing: boolean): Event => ({
  atMs,
  happen: (world) => world.weather(lane, delayMs, failing),
});

/** The contest's own, as in bench/contest/weathers/official.json. */
const CONTEST_WEATHER = [
  weather(10_000, 0, 100, false),
  weather(20_000, 0, 100, true),
  weather(30_000, 0, 2_000, true),
  weather(30_000, 1, 1_000, true),
  weather(40_000, 0, 20, false),
  weather(40_000, 1, 20, false),
  weather(50_000, 0, 0, false),
  weather(50_000, 1, 5_000, false),
];

/** A load for so long, then whatever time the rest takes; checks what must hold in any weather. */
async function storm(loadMs: number, events: readonly Event[], options: WorldOptions = {}) {
  const world = new World(options);
  await world.run(loadMs, { perSecond: PER_SECOND, events });
  await world.run(loadMs + 120_000, {
    events: events.filter(({ atMs }) => atMs >= loadMs),
    done: () => world.open === 0 && world.clock.nowMs % 1_000 === 0,
  });
  await world.run(world.clock.nowMs + 10);
  checkSafety(world, (loadMs / 1_000) * PER_SECOND);
  return world;
}

function checkSafety(world: World, taken: number): void {
  const records = world.records();
  const ids = new Set(records.map(({ correlationId }) => correlationId));
  // G2: never two records of one payment. G3: everything that was accepted has settled.
  expect(ids.size).toBe(records.length);
  expect(records.length).toBe(taken);
  expect(world.open).toBe(0);
  // G4: what the ledger says was settled is what the processors have, processor by processor.
  const recorded = world.processors.map(({ model }) => model.records.size);
  expect(world.settled).toEqual(recorded);
  expect(world.ledger.head).toBe(taken);
  const totals = world.store.ledger.totals(0, taken, world.processors.length);
  expect(totals.counts).toEqual(recorded);
  expect(totals.cents).toEqual(recorded.map((count) => count * AMOUNT_CENTS));
  expect(world.lanes.map(({ inFlight }) => inFlight)).toEqual(recorded.map(() => 0));
}

const afterMs = (world: World, lane: number) =>
  world
    .records()
    .filter((record) => record.lane === lane)
    .map((record) => record.afterMs);

describe("the contest's weather", () => {
  test("with patience, all of it goes to the cheapest, and nothing waits past its patience", async () => {
    using world = await storm(60_000, CONTEST_WEATHER, { patienceMs: 30_000 });
    expect(world.settled).toEqual([33_000, 0]);
    expect(Math.max(...afterMs(world, 0))).toBeLessThan(30_000);
    // The outage cost the failing processor few calls.
    const [{ attempts }] = world.lanes as [Lane];
    expect(attempts?.unknown).toBe(0);
    expect(attempts?.refused).toBeLessThan(200);
  });

  test("a recovery is noticed within a second, and the backlog is gone in another", async () => {
    using world = new World({ patienceMs: 30_000 });
    await world.run(40_000, { perSecond: PER_SECOND, events: CONTEST_WEATHER });
    expect(world.open).toBeGreaterThan(10_000);
    const before = world.processor(0).model.records.size;
    world.weather(0, 20, false);
    await world.run(41_000, { done: () => world.processor(0).model.records.size > before });
    const firstMs = world.clock.nowMs - 40_000;
    expect(firstMs).toBeLessThan(1_000);
    await world.run(42_000, { done: () => world.pipeline.queue.length === 0 });
    expect(world.clock.nowMs - 40_000).toBeLessThan(firstMs + 1_000);
  });
});

test("with the cheapest dead for good, the other takes over just in time for every payment", async () => {
  using world = await storm(30_000, [weather(3_000, 0, 0, true)], { patienceMs: 15_000 });
  const fallback = afterMs(world, 1);
  expect(fallback.length).toBeGreaterThan(14_000);
  expect(Math.max(...fallback)).toBeLessThan(15_000);
  expect(Math.min(...fallback)).toBeGreaterThan(14_000);
});

/** With the cheapest slow to say no, and the other taking so long. */
async function lateWith(otherMs: number): Promise<number> {
  const events = [weather(0, 1, otherMs, false), weather(3_000, 0, 2_000, true)];
  using world = await storm(20_000, events, { patienceMs: 10_000 });
  const fallback = afterMs(world, 1);
  expect(fallback.length).toBeGreaterThan(9_000);
  expect(Math.max(...fallback)).toBeLessThan(12_000);
  return fallback.filter((ms) => ms > 10_000).length;
}

test("with the cheapest slow to say no, only its trials can make a payment late", async () => {
  expect(await lateWith(100)).toBeLessThanOrEqual(2);
});

// A lane counts with the rate that it will have when it has ramped up; how long that takes (one doubling a
// latency) is not counted. With 200 ms nearly two hundred payments of the first second are late.
test("ramping up the other one is begun early enough", async () => {
  expect(await lateWith(200)).toBeLessThanOrEqual(2);
});

test("flapping every two seconds costs nobody more than a turn, and nothing extra", async () => {
  const flaps = Array.from({ length: 15 }, (_, i) => weather(2_000 * (i + 1), 0, 10, i % 2 === 0));
  const events = [...flaps, weather(32_000, 0, 10, false)];
  using world = await storm(30_000, events, { patienceMs: 15_000 });
  expect(world.settled).toEqual([16_500, 0]);
  expect(Math.max(...afterMs(world, 0))).toBeLessThan(3_500);
});

test("without patience a payment goes at once to whoever takes it", async () => {
  using world = await storm(10_000, [weather(3_000, 0, 0, true)], { patienceMs: 0 });
  expect(world.settled[1]).toBeGreaterThan(3_500);
  expect(Math.max(...afterMs(world, 0), ...afterMs(world, 1))).toBeLessThan(400);
});

test("a processor that hangs keeps only what it has; the rest settles elsewhere in time", async () => {
  const hang = (atMs: number, hangAll: boolean): Event => ({
    atMs,
    happen: (world) => {
      world.processor(0).model.faults = { ...NO_FAULTS, hangAll, hangInserts: true };
    },
  });
  using world = await storm(20_000, [hang(3_000, true), hang(45_000, false)], {
    patienceMs: 5_000,
    timeoutMs: 10_000,
  });
  expect(Math.max(...afterMs(world, 1))).toBeLessThan(5_000);
  const stuck = world.lanes[0]?.attempts?.unknown ?? 0;
  expect(stuck).toBeGreaterThan(0);
  expect(stuck).toBeLessThan(60);
});

test("a processor that dies and comes back loses nothing", async () => {
  const down = (atMs: number, isDown: boolean): Event => ({
    atMs,
    happen: (world) => world.processor(0).model.setDown(isDown),
  });
  const events = [weather(0, 0, 50, false), down(3_000, true), down(6_000, false)];
  using world = await storm(10_000, events, { patienceMs: 15_000 });
  expect(world.settled).toEqual([5_500, 0]);
  expect(world.lanes[0]?.attempts?.unknown).toBeGreaterThan(0);
});

test.each([1, 2, 3, 4, 5])(
  "every kind of fault at once, seed %d: charged once, all settled",
  async (seed) => {
    const faults = {
      ...NO_FAULTS,
      answerLost: 0.03,
      resetBefore: 0.03,
      errorWithInsert: 0.03,
      errorWithoutInsert: 0.03,
      truncated: 0.03,
      hang: 0.01,
      hangInserts: seed % 2 === 0,
    };
    const turn = (atMs: number, bad: boolean): Event => ({
      atMs,
      happen: (world) => {
        for (const { model } of world.processors) model.faults = bad ? faults : NO_FAULTS;
      },
    });
    const events = [weather(0, 0, 15, false), weather(0, 1, 25, false), turn(500, true)];
    events.push(weather(2_000, 0, 15, true), weather(3_500, 0, 15, false), turn(6_000, false));
    using world = await storm(6_000, events, { patienceMs: 500, timeoutMs: 2_000, seed });
    const first = world.lanes[0]?.attempts;
    expect(first?.unknown).toBeGreaterThan(0);
    for (const processor of world.processors) expectFrozen(processor.sent);
  },
);

/** I5, as far as the wire shows it: a settled payment was sent with one body in the end. */
function expectFrozen(sent: readonly { readonly body: string }[]): void {
  const bodies = new Map<string, string[]>();
  for (const { body } of sent) {
    const { correlationId } = JSON.parse(body);
    bodies.set(correlationId, [...(bodies.get(correlationId) ?? []), body]);
  }
  for (const all of bodies.values()) {
    // Once a body was given up for another it never comes back.
    const changes = all.filter((body, i) => i > 0 && body !== all[i - 1]).length;
    expect(new Set(all).size).toBe(changes + 1);
  }
}

describe("any number of processors", () => {
  test("one: everything waits for it", async () => {
    const events = [weather(1_000, 0, 10, true), weather(4_000, 0, 10, false)];
    const configured = [{ name: "only", fee: 0.05 }];
    using world = await storm(6_000, events, { patienceMs: 1_000, configured });
    expect(world.settled).toEqual([3_300]);
  });

  test("five: the cheapest that works in time, in whatever order they are configured", async () => {
    const fees = [0.3, 0.05, 0.2, 0.1, 0.15];
    const configured = fees.map((fee, i) => ({ name: `p${i}`, fee }));
    const events = [weather(1_000, 1, 10, true), weather(1_000, 3, 10, true)];
    using world = await storm(8_000, events, { patienceMs: 2_000, configured });
    const { settled } = world;
    expect(settled[0]).toBe(0);
    // A dearer one is due at the same moment, and takes one while the other is full for a moment.
    expect(settled[2]).toBeLessThan(20);
    expect(settled[4]).toBeGreaterThan(3_000);
    expect(Math.max(...afterMs(world, 4))).toBeLessThan(2_000);
  });
});

test("the same seed gives the same story", async () => {
  const story = async () => {
    using world = new World({ seed: 7, patienceMs: 500, timeoutMs: 1_000 });
    for (const { model } of world.processors) model.faults = { ...NO_FAULTS, answerLost: 0.1 };
    await world.run(3_000, { perSecond: PER_SECOND });
    return world.processors.map(({ sent }) => sent);
  };
  expect(await story()).toEqual(await story());
});

// A step in latency looks like a queue at the processor for up to two seconds: the slow start is ended at
// eight calls in flight, and the limit then grows by one a round. Ten seconds later 900 still wait.
test("a processor that becomes far slower at a stroke drains what it can", async () => {
  using world = new World({ patienceMs: 30_000 });
  await world.run(5_000, { perSecond: PER_SECOND });
  world.weather(0, 500, false);
  await world.run(25_000, { perSecond: PER_SECOND });
  expect(world.open).toBeLessThan(600);
});

test("a processor that becomes slower is soon used as much as before", async () => {
  using world = new World({ patienceMs: 30_000 });
  await world.run(5_000, { perSecond: PER_SECOND });
  world.weather(0, 100, false);
  await world.run(10_000, { perSecond: PER_SECOND });
  expect(world.open).toBeLessThan(200);
});

// Payments that are late already wait a moment more for the cheapest; those that are about to be do not.
test("after an outage of both only those about to be late go to the dearer one", async () => {
  using world = await storm(45_000, CONTEST_WEATHER, { patienceMs: 15_000 });
  expect(world.settled[1]).toBeLessThan(2_500);
});

test("an id is taken once however often it is sent, in any weather", async () => {
  using world = new World({ patienceMs: 300 });
  world.weather(0, 30, true);
  for (let i = 0; i < 400; i++) {
    world.take({ correlationId: idOf(i % 40), amountCents: 1_990 });
    await world.step();
  }
  await world.run(5_000, { done: () => world.open === 0 });
  expect(world.records()).toHaveLength(40);
  expect(world.lanes.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});
