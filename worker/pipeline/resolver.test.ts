import { describe, expect, test, spyOn } from "bun:test";
import {
  ACCEPTED,
  Bench,
  EXISTS,
  last,
  NOTHING,
  REFUSED,
  REJECTED,
  UNKNOWN,
  type BenchOptions,
} from "./scripted.fixture.ts";
import { GROUNDS, operate, reasonOf, stateOf } from "./operator.fixture.ts";
import { idOf, settlePromises, WALL_START_MS } from "./world.fixture.ts";

const START_MS = WALL_START_MS - 5_000;

/** A bench after a crash that left so many payments assigned to a processor. */
async function recovered(count: number, options: BenchOptions = {}, processor = 0) {
  const bench = new Bench(options);
  await bench.crash(
    Array.from({ length: count }, (_, n) => ({
      n,
      acceptedAtMs: START_MS + n,
      assignment: { processor, requestedAtMs: START_MS + n },
    })),
  );
  return bench;
}

/** A payment whose only attempt got no clear answer. */
async function unknown(options: BenchOptions = {}): Promise<Bench> {
  const bench = new Bench(options);
  await (await bench.send(1)).answer(UNKNOWN);
  await bench.commit();
  return bench;
}

describe("a payment without a clear answer", () => {
  test("is looked up first; what matches settles it with the recorded instant", async () => {
    using bench = await unknown();
    await bench.tick();
    expect(bench.default.looks).toHaveLength(1);
    await last(bench.default.looks).answer(bench.default.found());
    await bench.commit();
    expect(bench.settled).toEqual([1, 0]);
    expect(bench.default.charges).toHaveLength(1);
    expect(bench.stateOf(1)).toBeUndefined();
  });

  test("that the processor has with other data is an operator's", async () => {
    using bench = await unknown();
    await bench.tick();
    await last(bench.default.looks).answer(bench.default.found({ amountCents: 1 }));
    await bench.commit();
    expect(bench.stateOf(1)).toBe("conflict");
    expect(bench.pipeline.payments.count).toBe(0);
  });

  test("is left alone, looks too, while its processor wants to be", async () => {
    using bench = await unknown();
    const report = { signal: "none", latencyMs: 1, dropped: true, cause: "429" } as const;
    const ticket = bench.lanes[0]!.admit(bench.clock.nowMs);
    bench.lanes[0]!.record(bench.clock.nowMs, ticket, { ...report, restMs: 5_000 });
    for (let i = 0; i < 49; i++) await bench.tick(100);
    expect(bench.default.looks).toEqual([]);
    await bench.tick(100);
    expect(bench.default.looks).toHaveLength(1);
  });

  test("is sent again when the look says nothing, byte for byte the same (I5)", async () => {
    using bench = await unknown();
    for (let i = 0; i < 8; i++) {
      await bench.tick(10_000);
      await last(bench.default.looks).answer(NOTHING);
      await bench.tick();
      await last(bench.default.charges).answer(UNKNOWN);
    }
    const bodies = bench.default.bodiesOf(1);
    expect(bodies.length).toBeGreaterThan(5);
    expect(new Set(bodies).size).toBe(1);
    expect(bench.fallback.charges).toEqual([]);
  });

  test.each([
    ["refused", REFUSED],
    ["rejected", REJECTED],
  ])("stays with its processor when a later attempt is %s", async (_, outcome) => {
    using bench = await unknown({ patienceMs: 0 });
    await bench.tick();
    await last(bench.default.looks).answer(NOTHING);
    await bench.tick();
    expect(bench.default.charges).toHaveLength(2);
    await last(bench.default.charges).answer(outcome);
    await bench.commit();
    expect(bench.stateOf(1)).toBe("unknown");
    expect(bench.pipeline.queue.length).toBe(0);
    for (let i = 0; i < 50; i++) await bench.tick(1_000);
    expect(bench.fallback.charges).toEqual([]);
    expect(new Set(bench.default.bodiesOf(1)).size).toBe(1);
  });

  test("settles when it is charged at last", async () => {
    using bench = await unknown();
    await bench.tick();
    await last(bench.default.looks).answer(NOTHING);
    await bench.tick();
    await last(bench.default.charges).answer(ACCEPTED);
    await bench.commit();
    expect(bench.settled).toEqual([1, 0]);
    expect(bench.inFlight).toEqual([0, 0]);
    expect(bench.pipeline.payments.count).toBe(0);
  });

  test("settles when it turns out to be there already", async () => {
    using bench = await unknown();
    await bench.tick();
    await last(bench.default.looks).answer(NOTHING);
    await bench.tick();
    await last(bench.default.charges).answer(EXISTS);
    await last(bench.default.looks).answer(bench.default.found());
    await bench.commit();
    expect(bench.settled).toEqual([1, 0]);
  });
});

describe("backoff", () => {
  /** When a payment is looked up for the first, second, … time, if all of it says nothing. */
  async function looksAtMs(random: number): Promise<number[]> {
    using bench = await unknown({ random: () => random });
    const atMs: number[] = [];
    while (atMs.length < 9) {
      const before = bench.default.looks.length;
      await bench.tick();
      // Keeps the lane working, whatever the trials say.
      for (let i = 0; i < 3 && !bench.lanes[0]!.working; i++) {
        const ticket = bench.lanes[0]!.admit(bench.clock.nowMs);
        const report = { signal: "success", latencyMs: 5, dropped: false, cause: "" } as const;
        bench.lanes[0]!.record(bench.clock.nowMs, ticket, report);
      }
      if (bench.default.looks.length === before) continue;
      atMs.push(bench.clock.nowMs);
      await last(bench.default.looks).answer(NOTHING);
      const charges = bench.default.charges.length;
      while (bench.default.charges.length === charges) await bench.tick();
      await last(bench.default.charges).answer(UNKNOWN);
    }
    return atMs;
  }

  test("doubles from a quarter of a second up to ten seconds", async () => {
    const atMs = await looksAtMs(0.999);
    const gaps = atMs.slice(1).map((ms, i) => ms - (atMs[i] as number));
    const expected = [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000];
    for (const [i, gap] of gaps.entries()) {
      expect(Math.abs(gap - (expected[i] as number))).toBeLessThanOrEqual(30);
    }
  });

  test("is drawn from nothing up to its ceiling", async () => {
    const atMs = await looksAtMs(0);
    const gaps = atMs.slice(1).map((ms, i) => ms - (atMs[i] as number));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30);
  });
});

describe("many", () => {
  test("are looked up sixteen at a time, the oldest first", async () => {
    using bench = await recovered(100);
    for (let i = 0; i < 5; i++) await bench.tick();
    expect(bench.default.looks.map(({ asked }) => asked)).toEqual(
      Array.from({ length: 16 }, (_, n) => idOf(n)),
    );
    await (bench.default.looks[0] as (typeof bench.default.looks)[0]).answer(NOTHING);
    await bench.tick();
    expect(bench.default.looks).toHaveLength(17);
  });

  test("use a share of the lane, however long their calls take", async () => {
    using bench = await recovered(200);
    for (let i = 0; i < 500; i++) {
      await bench.tick();
      for (const look of bench.default.looks) await look.answer(NOTHING);
    }
    const { limit, inFlight } = bench.lanes[0]!;
    expect(limit).toBe(8);
    expect(inFlight).toBe(limit / 4);
    await last(bench.default.charges).answer(UNKNOWN);
    await bench.tick();
    expect(bench.lanes[0]!.inFlight).toBe(1);
  });

  test("that wait cost a tick nothing but a glance at their clocks", async () => {
    using bench = await recovered(5_000);
    await bench.tick();
    expect(bench.default.looks).toHaveLength(16);
    const lookups = spyOn(bench.pipeline.lanes, "numbered");
    for (let i = 0; i < 100; i++) await bench.tick();
    // Each tick looks once for what is due, and once for when the next will be.
    expect(lookups.mock.calls.length).toBeLessThanOrEqual(200);
  });

  test("at one processor that hangs keep nobody at another waiting", async () => {
    using bench = new Bench();
    const assignment = (processor: number) => ({ processor, requestedAtMs: START_MS });
    await bench.crash(
      Array.from({ length: 41 }, (_, n) => ({
        n,
        acceptedAtMs: START_MS,
        assignment: assignment(n === 40 ? 1 : 0),
      })),
    );
    await bench.tick();
    expect(bench.processors.map(({ looks }) => looks.length)).toEqual([16, 1]);
  });

  test("leave nothing behind when they are done", async () => {
    using bench = await recovered(0);
    for (let n = 0; n < 50; n++) {
      bench.take(n);
      await bench.commit();
      await last(bench.default.charges).answer(n % 5 === 0 ? UNKNOWN : ACCEPTED);
    }
    for (let i = 0; i < 2_000 && bench.pipeline.payments.count > 0; i++) {
      await bench.tick();
      for (const look of bench.default.looks) await look.answer(NOTHING);
      for (const charge of bench.default.charges) await charge.answer(ACCEPTED);
    }
    await bench.commit();
    expect(bench.pipeline.payments.count).toBe(0);
    expect(bench.inFlight).toEqual([0, 0]);
    expect(bench.settled).toEqual([50, 0]);
  });
});

describe("while the breaker is open", () => {
  test("few of them are looked up at a time", async () => {
    using bench = await recovered(20);
    bench.openLane(0);
    await bench.tick();
    expect(bench.default.looks).toHaveLength(4);
  });

  test("they are its trials, before payments that belong to nobody", async () => {
    using bench = await recovered(3);
    bench.openLane(0);
    bench.take(100);
    await bench.tick();
    for (const look of bench.default.looks) await look.answer(NOTHING);
    for (let i = 0; i < 30; i++) await bench.tick();
    expect(bench.default.charges.length).toBeGreaterThan(1);
    for (const { asked } of bench.default.charges) expect(asked.correlationId).not.toBe(idOf(100));
    expect(bench.pipeline.queue.length).toBe(1);
  });

  test("they are spaced and counted like any other trial", async () => {
    using bench = await recovered(50);
    bench.openLane(0);
    for (let i = 0; i < 1_000; i++) {
      await bench.tick();
      for (const look of bench.default.looks) await look.answer(NOTHING);
    }
    expect(bench.default.charges).toHaveLength(4);
  });

  test("a few that never get a clear answer do not keep a healthy processor out", async () => {
    using bench = await recovered(5);
    bench.openLane(0);
    bench.take(100);
    const answered = new Set<unknown>();
    for (let i = 0; i < 3_000; i++) {
      await bench.tick(20);
      for (const look of bench.default.looks) await look.answer(NOTHING);
      for (const charge of bench.default.charges) {
        if (answered.has(charge)) continue;
        answered.add(charge);
        await charge.answer(charge.asked.correlationId === idOf(100) ? ACCEPTED : UNKNOWN);
      }
    }
    expect(bench.settled).toEqual([1, 0]);
  });
});

test("those tried again and again are its trials still when nothing else waits", async () => {
  using bench = await recovered(1);
  bench.openLane(0);
  const answered = new Set<unknown>();
  for (let i = 0; i < 6_000 && bench.default.charges.length < 6; i++) {
    await bench.tick();
    for (const look of bench.default.looks) await look.answer(NOTHING);
    for (const charge of bench.default.charges) {
      if (answered.has(charge)) continue;
      answered.add(charge);
      await charge.answer(UNKNOWN);
    }
  }
  expect(bench.default.charges).toHaveLength(6);
});

describe("when a processor may work again", () => {
  const FINE = { failing: false, minResponseTimeMs: 1 };

  /** A payment that was tried four times in vain rests for seconds; others go elsewhere at once. */
  async function resting(options: BenchOptions = {}): Promise<Bench> {
    const bench = new Bench({ patienceMs: 0, random: () => 0.9, ...options });
    await (await bench.send(1)).answer(UNKNOWN);
    bench.openLane(0);
    const answered = new Set(bench.default.charges);
    while (bench.default.charges.length < 5 || answered.size < 5) {
      await bench.tick();
      for (const look of bench.default.looks) await look.answer(NOTHING);
      for (const charge of bench.default.charges.filter((one) => !answered.has(one))) {
        answered.add(charge);
        await charge.answer(UNKNOWN);
      }
    }
    return bench;
  }

  async function takeThere(bench: Bench, n: number): Promise<string> {
    const before = bench.default.charges.length;
    bench.take(n);
    await bench.commit();
    return bench.default.charges.length > before ? "default" : "fallback";
  }

  test("what waits there is asked for before another payment is risked", async () => {
    using bench = await resting();
    const looks = bench.default.looks.length;
    bench.lanes[0]!.recordHealth(bench.clock.nowMs, FINE);
    expect(await takeThere(bench, 100)).toBe("fallback");
    bench.pipeline.onEvent();
    await bench.tick(0);
    expect(bench.default.looks).toHaveLength(looks + 1);
    expect(await takeThere(bench, 101)).toBe("fallback");
    await last(bench.default.looks).answer(NOTHING);
    await bench.tick(0);
    expect(last(bench.default.charges).asked.correlationId).toBe(idOf(1));
    await last(bench.default.charges).answer(ACCEPTED);
    await bench.tick();
    expect(bench.settled[0]).toBe(1);
    expect(await takeThere(bench, 102)).toBe("default");
  });

  test("one that is tried in vain leaves the next turn to another payment, and so on", async () => {
    using bench = await resting();
    const tried: string[] = [];
    for (let turn = 0; turn < 4; turn++) {
      bench.lanes[0]!.recordHealth(bench.clock.nowMs, FINE);
      bench.pipeline.onEvent();
      await bench.tick(0);
      const there = await takeThere(bench, 100 + turn);
      if (there === "fallback") {
        await last(bench.default.looks).answer(NOTHING);
        await bench.tick(0);
        expect(last(bench.default.charges).asked.correlationId).toBe(idOf(1));
      }
      tried.push(last(bench.default.charges).asked.correlationId);
      await last(bench.default.charges).answer(there === "default" ? REFUSED : UNKNOWN);
    }
    expect(tried).toEqual([idOf(1), idOf(101), idOf(1), idOf(103)]);
  });

  test("what is not sent there again keeps no other payment away", async () => {
    using bench = await resting();
    bench.default.remembersForMs = 0;
    bench.lanes[0]!.recordHealth(bench.clock.nowMs, FINE);
    bench.pipeline.onEvent();
    for (let i = 0; i < 3; i++) {
      await bench.tick();
      for (const look of bench.default.looks) await look.answer(NOTHING);
    }
    expect(await takeThere(bench, 100)).toBe("default");
  });

  test("what rests there is asked for at once when its breaker closes", async () => {
    using bench = await resting();
    const looks = bench.default.looks.length;
    const lane = bench.lanes[0]!;
    bench.clock.nowMs += 1_000;
    const report = { signal: "accepted", latencyMs: 5, dropped: false, cause: "" } as const;
    while (lane.breaker.kind !== "closed") {
      lane.record(bench.clock.nowMs, lane.admit(bench.clock.nowMs), report);
    }
    await bench.tick(0);
    expect(bench.default.looks).toHaveLength(looks + 1);
  });

  test("what rests there is asked for at once when an operator forces it", async () => {
    using bench = await resting();
    const looks = bench.default.looks.length;
    void bench.pipeline.operate({
      kind: "processor",
      action: "force",
      name: bench.lanes[0]!.name,
      grounds: GROUNDS,
    });
    await bench.tick(0);
    expect(bench.default.looks).toHaveLength(looks + 1);
  });
});

test("a payment of a processor that is not configured any more is left alone", async () => {
  using bench = await recovered(3, {}, 7);
  for (let i = 0; i < 20; i++) await bench.tick(1_000);
  expect([...bench.default.looks, ...bench.fallback.looks]).toEqual([]);
  expect([...bench.default.charges, ...bench.fallback.charges]).toEqual([]);
  expect(bench.pipeline.payments.count).toBe(3);
});

describe("at a processor that knows an id for a time", () => {
  const REMEMBERS_MS = 60_000;

  async function remembering(canBeAsked: boolean): Promise<Bench> {
    const bench = new Bench();
    Object.assign(bench.default, { remembersForMs: REMEMBERS_MS, canBeAsked });
    await (await bench.send(1)).answer(UNKNOWN);
    await bench.commit();
    return bench;
  }
  const outlived = (bench: Bench) =>
    bench.pipeline.incidents.open().filter(({ kind }) => kind === "not-sent-again");

  test("a payment is sent again within it, and afterwards only looked up", async () => {
    using bench = await remembering(true);
    await bench.tick();
    await last(bench.default.looks).answer(NOTHING);
    await bench.tick();
    await last(bench.default.charges).answer(UNKNOWN);
    expect(bench.default.charges).toHaveLength(2);
    bench.clock.nowMs += REMEMBERS_MS;
    for (let i = 0; i < 5; i++) {
      await bench.tick(20_000);
      await last(bench.default.looks).answer(NOTHING);
      await bench.tick();
    }
    expect(bench.default.looks.length).toBeGreaterThan(4);
    expect(bench.default.charges).toHaveLength(2);
    expect(outlived(bench)).toMatchObject([{ subject: "default", details: { payments: 1 } }]);
    await bench.tick(20_000);
    await last(bench.default.looks).answer(bench.default.found());
    await bench.commit();
    await bench.tick();
    expect(bench.settled).toEqual([1, 0]);
    expect(outlived(bench)).toEqual([]);
  });

  test("that cannot be asked, it is sent again at once, and then waits for an operator", async () => {
    using bench = await remembering(false);
    await bench.tick();
    expect(bench.default.charges).toHaveLength(2);
    await last(bench.default.charges).answer(UNKNOWN);
    bench.clock.nowMs += REMEMBERS_MS;
    for (let i = 0; i < 5; i++) await bench.tick(20_000);
    expect(bench.default.charges).toHaveLength(2);
    expect(bench.default.looks).toEqual([]);
    expect(bench.stateOf(1)).toBe("unknown");
    expect(outlived(bench)).toMatchObject([{ subject: "default", details: { payments: 1 } }]);
  });

  test("that has said it has it, it is freed by whoever knows better, and nothing is sent there", async () => {
    using bench = new Bench({ settledBefore: true });
    Object.assign(bench.default, { remembersForMs: REMEMBERS_MS });
    await (await bench.send(1)).answer(EXISTS);
    await last(bench.default.looks).answer(NOTHING);
    await bench.commit();
    bench.clock.nowMs += REMEMBERS_MS;
    const absent = async (unasked: boolean) => {
      const answer = operate(bench, "absent", 1, "unknown", unasked);
      await settlePromises();
      await last(bench.default.looks).answer(NOTHING);
      await bench.commit();
      return answer;
    };
    expect(reasonOf(await absent(false))).toContain("if they say that it has not");
    expect(stateOf(await absent(true))).toBe("accepted");
    expect(bench.default.charges).toHaveLength(1);
  });

  test("a restart begins no new time", async () => {
    using bench = new Bench();
    Object.assign(bench.default, { remembersForMs: REMEMBERS_MS });
    const requestedAtMs = WALL_START_MS - REMEMBERS_MS;
    await bench.crash([
      { n: 1, acceptedAtMs: requestedAtMs, assignment: { processor: 0, requestedAtMs } },
    ]);
    await bench.tick();
    await last(bench.default.looks).answer(NOTHING);
    for (let i = 0; i < 5; i++) await bench.tick(20_000);
    expect(bench.default.charges).toEqual([]);
    expect(outlived(bench)).toHaveLength(1);
  });
});
