import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ChargeOutcome } from "../processor.ts";
import { reportOf } from "./charge.ts";
import {
  ACCEPTED,
  Bench,
  EXISTS,
  last,
  NOTHING,
  OVERLOADED,
  REFUSED,
  REJECTED,
  UNKNOWN,
} from "./scripted.fixture.ts";
import { idOf, WALL_START_MS } from "./world.fixture.ts";

/** A bench with a payment that waits because every lane is open; the first trial is due after 50 ms. */
async function queued(n = 1): Promise<Bench> {
  const bench = new Bench();
  bench.openLane(0);
  bench.openLane(1);
  bench.take(n);
  await bench.commit();
  return bench;
}

describe("no call before its assignment is durable (I2)", () => {
  test("when acceptance and assignment share a commit", async () => {
    using bench = new Bench();
    bench.take(1);
    bench.clock.nowMs += 1_000;
    bench.pipeline.tick();
    expect(bench.inFlight).toEqual([1, 0]);
    expect(bench.default.charges).toEqual([]);
    await bench.commit();
    expect(bench.default.charges).toHaveLength(1);
    expect(bench.stateOf(1)).toBe("assigned");
  });

  test("when a payment that waited is assigned", async () => {
    using bench = await queued();
    bench.clock.nowMs += 100;
    bench.pipeline.tick();
    expect(bench.pipeline.queue.length).toBe(0);
    expect(bench.default.charges).toEqual([]);
    expect(bench.stateOf(1)).toBe("accepted");
    await bench.commit();
    expect(bench.default.charges).toHaveLength(1);
    expect(bench.stateOf(1)).toBe("assigned");
  });

  test("while commits fail; once they work it is sent as it was assigned", async () => {
    using bench = await queued();
    const repair = bench.breakJournal();
    await bench.tick(100);
    await bench.tick(5_000);
    expect(bench.default.charges).toEqual([]);
    repair();
    await bench.tick(1_000);
    expect(bench.default.charges).toHaveLength(1);
    expect(last(bench.default.charges).asked.requestedAtMs).toBe(WALL_START_MS + 100);
  });
});

describe("a 200", () => {
  test("settles with the instant that was sent", async () => {
    using bench = new Bench();
    const charge = await bench.send(1);
    await charge.answer(ACCEPTED);
    await bench.commit();
    expect(bench.stateOf(1)).toBeUndefined();
    expect(bench.settled).toEqual([1, 0]);
    const rows = await bench.journal.rows(0, 10);
    expect([...rows.requestedAtMs]).toEqual([charge.asked.requestedAtMs]);
    expect([...rows.amountCents]).toEqual([1_990]);
    expect(bench.ledger.head).toBe(1);
  });
});

describe("a refusal", () => {
  test("releases the payment, durably before its next assignment (I3)", async () => {
    using bench = new Bench();
    const charge = await bench.send(1);
    const kinds: string[] = [];
    const append = bench.journal.append.bind(bench.journal);
    bench.journal.append = (transition, done) => {
      kinds.push(transition.kind);
      append(transition, done);
    };
    await charge.answer(REFUSED);
    expect(kinds).toEqual(["release", "assign"]);
    expect(bench.default.charges).toHaveLength(1);
    await bench.commit();
    expect(bench.default.charges).toHaveLength(2);
  });

  test("frees the body: the next attempt has an instant of its own", async () => {
    using bench = new Bench();
    const charge = await bench.send(1);
    bench.clock.nowMs += 1_234;
    await charge.answer(REFUSED);
    await bench.commit();
    const [first, second] = bench.default.bodiesOf(1);
    expect(first).toContain("00:00:00.000Z");
    expect(second).toContain("00:00:01.234Z");
  });

  test("lets another processor have it", async () => {
    using bench = new Bench({ patienceMs: 0 });
    const charge = await bench.send(1);
    bench.openLane(0);
    await charge.answer(REFUSED);
    await bench.commit();
    expect(bench.fallback.bodiesOf(1)).toHaveLength(1);
    await last(bench.fallback.charges).answer(ACCEPTED);
    await bench.commit();
    expect(bench.settled).toEqual([0, 1]);
    expect(bench.inFlight).toEqual([0, 0]);
  });

  test("that comes after its patience sends it to another one, and not there again", async () => {
    using bench = new Bench({ patienceMs: 1_000 });
    bench.take(1);
    await bench.commit();
    bench.clock.nowMs += 3_000;
    await bench.default.charges[0]!.answer(REFUSED);
    await bench.commit();
    expect([bench.default.charges.length, bench.fallback.charges.length]).toEqual([1, 1]);
    await bench.fallback.charges[0]!.answer(ACCEPTED);
    expect(bench.settled).toEqual([0, 1]);
  });

  test("by a limiter shrinks the limit and says nothing against a processor that takes others", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(ACCEPTED);
    for (let n = 2; n < 10; n++) bench.take(n);
    await bench.commit();
    for (const charge of bench.default.charges.slice(1, 9)) await charge.answer(OVERLOADED);
    expect(bench.lanes[0]!.breaker.kind).toBe("closed");
    expect(bench.lanes[0]!.limit).toBeLessThan(8);
  });
});

test("a processor that turns everything away is neither called without end nor waited for", async () => {
  using bench = new Bench({ patienceMs: 3_000 });
  for (let n = 0; n < 20; n++) bench.take(n);
  const answered = new Set<unknown>();
  while (bench.pipeline.payments.count > 0 && bench.clock.nowMs < 10_000) {
    await bench.tick();
    for (const charge of bench.processors.flatMap(({ charges }) => charges)) {
      if (answered.has(charge)) continue;
      answered.add(charge);
      const isFallback = bench.fallback.charges.includes(charge);
      await charge.answer(isFallback ? ACCEPTED : OVERLOADED);
    }
  }
  expect(bench.settled).toEqual([0, 20]);
  expect(bench.clock.nowMs).toBeLessThan(3_000);
  expect(bench.default.charges.length).toBeLessThan(30);
});

describe("a 429 with a Retry-After", () => {
  const asking = (retryAfterMs: number): ChargeOutcome => ({
    kind: "refused",
    reason: "429",
    overloaded: true,
    retryAfterMs,
  });

  test("is respected: nothing is sent before then, and at once afterwards", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(asking(5_000));
    bench.take(2);
    await bench.commit();
    for (let i = 0; i < 49; i++) await bench.tick(100);
    expect(bench.default.charges).toHaveLength(1);
    await bench.tick(100);
    expect(bench.default.charges).toHaveLength(3);
    expect(bench.fallback.charges).toEqual([]);
  });

  test("does not make a payment late that another processor takes", async () => {
    using bench = new Bench({ patienceMs: 2_000 });
    await (await bench.send(1)).answer(asking(5_000));
    await bench.commit();
    await bench.tick(1_000);
    expect(bench.fallback.charges).toEqual([]);
    await bench.tick(500);
    expect(bench.fallback.bodiesOf(1)).toHaveLength(1);
  });
});

describe("a rejection", () => {
  /** Answers a rejection to whatever is sent for so long. */
  async function rejecting(bench: Bench, seconds: number, good: (n: string) => boolean) {
    const answered = new Set<unknown>();
    for (let ms = 0; ms < seconds * 1_000; ms += 50) {
      await bench.tick(50);
      for (const charge of bench.processors.flatMap(({ charges }) => charges)) {
        if (answered.has(charge)) continue;
        answered.add(charge);
        await charge.answer(good(charge.asked.correlationId) ? ACCEPTED : REJECTED);
      }
    }
    await bench.commit();
  }

  test("again, by a processor that took another since, parks the payment: it is never sent again", async () => {
    using bench = new Bench();
    await bench.reject(1, 2);
    expect(bench.stateOf(1)).toBe("rejected");
    expect([...bench.pipeline.payments.parked]).toEqual([["rejected", 1]]);
    for (let i = 0; i < 100; i++) await bench.tick(1_000);
    expect(bench.default.charges).toHaveLength(3);
    expect(bench.fallback.charges).toEqual([]);
    expect(bench.inFlight).toEqual([0, 0]);
    expect(bench.pipeline.payments.count).toBe(0);
  });

  test("ends nothing the first time, whatever the processor takes: it waits", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(ACCEPTED);
    await (await bench.send(2)).answer(REJECTED);
    await bench.commit();
    expect(bench.stateOf(2)).toBe("accepted");
    expect([...bench.pipeline.payments.parked]).toEqual([]);
  });

  test("ends nothing again and again, while the processor takes no other", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(ACCEPTED);
    await bench.send(2);
    await rejecting(bench, 120, () => false);
    expect(bench.default.bodiesOf(2).length).toBeGreaterThan(3);
    expect(bench.stateOf(2)).toBe("accepted");
  });

  test("by one processor is not held against a payment at another", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(REJECTED);
    await bench.commit();
    bench.lanes[0]!.mode = "drained";
    bench.take(2);
    await bench.commit();
    await last(bench.fallback.charges).answer(ACCEPTED);
    await bench.tick(1_000);
    expect(bench.fallback.bodiesOf(1)).toHaveLength(1);
    await last(bench.fallback.charges).answer(REJECTED);
    await bench.commit();
    expect(bench.stateOf(1)).toBe("accepted");
  });

  test("of every other call, as of two machines of which one is broken, ends hardly a payment", async () => {
    using bench = new Bench();
    let calls = 0;
    for (let n = 0; n < 400; n++) {
      bench.take(n);
      await rejecting(bench, 0.05, () => calls++ % 2 === 0);
    }
    await rejecting(bench, 120, () => calls++ % 2 === 0);
    const [rejected = 0] = [bench.pipeline.payments.parked.get("rejected")];
    expect(rejected).toBeLessThanOrEqual(2);
    expect(bench.settled[0]! + bench.settled[1]!).toBe(400 - rejected);
  });

  test("is final once the processor takes another: the payment is asked for once more", async () => {
    using bench = new Bench({ random: () => 0.99 });
    await (await bench.send(1)).answer(REJECTED);
    await (await bench.send(2)).answer(ACCEPTED);
    await bench.tick();
    expect(bench.default.bodiesOf(1)).toHaveLength(2);
    await last(bench.default.charges).answer(REJECTED);
    await bench.commit();
    expect(bench.stateOf(1)).toBe("rejected");
  });

  test("that was a mistake of the processor costs nobody anything", async () => {
    using bench = new Bench();
    for (let n = 0; n < 20; n++) bench.take(n);
    await bench.commit();
    await rejecting(bench, 120, () => false);
    expect([...bench.pipeline.payments.parked]).toEqual([]);
    expect(bench.pipeline.payments.count).toBe(20);
    expect(bench.lanes[0]!.breaker.kind).toBe("open");
    const { cause } = bench.pipeline.laneLog.after(0).at(-1)!;
    expect(cause).toStartWith("it rejects one payment after the other (400)");
    await rejecting(bench, 60, () => true);
    expect(bench.settled[0]! + bench.settled[1]!).toBe(20);
  });

  test("of a few bad ones among good ones ends the bad ones only", async () => {
    using bench = new Bench();
    for (let n = 0; n < 40; n++) bench.take(n);
    await bench.commit();
    const bad = new Set([3, 4, 5, 6, 17, 39].map(idOf));
    await rejecting(bench, 120, (id) => !bad.has(id));
    expect(bench.settled).toEqual([34, 0]);
    expect([...bench.pipeline.payments.parked]).toEqual([["rejected", 6]]);
  });

  test("of the only payment there is: it waits, listed with the reason, and is tried seldom", async () => {
    using bench = new Bench();
    bench.take(1);
    await bench.commit();
    await rejecting(bench, 600, () => false);
    expect(bench.stateOf(1)).toBe("accepted");
    const calls = bench.default.charges.length + bench.fallback.charges.length;
    expect(calls).toBeGreaterThan(20);
    expect(calls).toBeLessThan(100);
  });

  test("moves nothing once an attempt was unclear (I3)", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(UNKNOWN);
    await bench.tick();
    await last(bench.default.looks).answer(NOTHING);
    await bench.tick();
    await last(bench.default.charges).answer(REJECTED);
    await bench.commit();
    expect(bench.stateOf(1)).toBe("unknown");
    expect(bench.fallback.charges).toEqual([]);
  });
});

describe("a 422", () => {
  const SENT = "2026-01-01T00:00:00.000Z";

  test("settles when the processor shows the same amount and instant", async () => {
    using bench = new Bench();
    const charge = await bench.send(1);
    await charge.answer(EXISTS);
    expect(last(bench.default.looks).asked).toBe(idOf(1));
    expect(bench.settled).toEqual([0, 0]);
    await last(bench.default.looks).answer(bench.default.found());
    await bench.commit();
    expect(bench.settled).toEqual([1, 0]);
    expect(bench.stateOf(1)).toBeUndefined();
  });

  test.each([
    [
      "amount",
      { amountCents: 1_991 },
      `19.91 at ${SENT}, here it is 19.90 at ${SENT}: another amount`,
    ],
    [
      "amount that is not whole cents",
      { amountCents: null },
      `an amount below a cent at ${SENT}, here it is 19.90 at ${SENT}: another amount`,
    ],
    [
      "instant",
      { requestedAtMs: WALL_START_MS + 1 },
      `19.90 at 2026-01-01T00:00:00.001Z, here it is 19.90 at ${SENT}: another time`,
    ],
  ])("with another %s is a conflict for an operator", async (_, other, reason) => {
    using bench = new Bench();
    await (await bench.send(1)).answer(EXISTS);
    await last(bench.default.looks).answer(bench.default.found(other));
    await bench.commit();
    expect(bench.stateOf(1)).toBe("conflict");
    expect(bench.written.at(-1)).toMatchObject({
      attempt: { outcome: "conflict", reason: `the processor has ${reason}` },
    });
    expect([...bench.pipeline.payments.parked]).toEqual([["conflict", 1]]);
    for (let i = 0; i < 10; i++) await bench.tick(60_000);
    expect(bench.default.charges).toHaveLength(1);
    expect(bench.fallback.charges).toEqual([]);
    expect(bench.settled).toEqual([0, 0]);
  });

  test("that the processor does not confirm leaves the payment unknown, at that processor", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(EXISTS);
    await last(bench.default.looks).answer(NOTHING);
    await bench.commit();
    expect(bench.stateOf(1)).toBe("unknown");
    expect(bench.inFlight).toEqual([0, 0]);
  });
});

describe("no clear answer", () => {
  test("leaves the payment with its processor (I4): it does not go back to the queue", async () => {
    using bench = new Bench({ patienceMs: 0 });
    await (await bench.send(1)).answer(UNKNOWN);
    await bench.commit();
    expect(bench.stateOf(1)).toBe("unknown");
    expect(bench.pipeline.queue.length).toBe(0);
    expect(bench.pipeline.payments.countByState).toMatchObject({ assigned: 0, unknown: 1 });
    bench.openLane(0);
    for (let i = 0; i < 20; i++) await bench.tick(1_000);
    expect(bench.fallback.charges).toEqual([]);
  });
});

describe("what an answer says about the processor", () => {
  const cases: [ChargeOutcome, string, boolean][] = [
    [ACCEPTED, "accepted", false],
    [EXISTS, "success", false],
    [REJECTED, "rejected", false],
    [REFUSED, "failure", false],
    [OVERLOADED, "none", true],
    [UNKNOWN, "failure", true],
    [{ kind: "unknown", reason: "status 502" }, "failure", false],
  ];
  test.each(cases)("%o", (outcome, signal, dropped) => {
    expect(reportOf(outcome, 12)).toMatchObject({ signal, dropped, latencyMs: 12 });
  });
});

describe("trials", () => {
  test("risk the payment that can wait the longest", async () => {
    using bench = await queued(1);
    bench.clock.nowMs += 20;
    bench.take(2);
    await bench.commit();
    await bench.tick(50);
    expect(last(bench.default.charges).asked.correlationId).toBe(idOf(2));
    expect(bench.pipeline.queue.length).toBe(1);
  });

  test("of a dearer one that is needed take the one with the nearest deadline", async () => {
    using bench = await queued(1);
    bench.clock.nowMs += 14_800;
    bench.take(2);
    await bench.commit();
    await bench.tick();
    await bench.tick();
    expect(last(bench.default.charges).asked.correlationId).toBe(idOf(2));
    expect(last(bench.fallback.charges).asked.correlationId).toBe(idOf(1));
  });

  test("heal a lane: the rest of the queue follows", async () => {
    using bench = await queued(1);
    for (let n = 2; n <= 5; n++) bench.take(n);
    await bench.commit();
    await bench.tick(50);
    expect(bench.default.charges).toHaveLength(1);
    await last(bench.default.charges).answer(ACCEPTED);
    await bench.commit();
    expect(bench.default.charges).toHaveLength(5);
    expect(bench.fallback.charges).toEqual([]);
  });
});

test("every place that is taken is given back exactly once, whatever the answers are", async () => {
  const outcomes = [ACCEPTED, EXISTS, REFUSED, OVERLOADED, REJECTED, UNKNOWN];
  const answers = fc.array(fc.constantFrom(...outcomes), { minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(answers, fc.boolean(), async (all, duplicates) => {
      using bench = new Bench({ patienceMs: 200 });
      for (let n = 0; n < 12; n++) {
        bench.take(n);
        if (duplicates) bench.take(n, n % 2 === 0 ? 1_990 : 5);
      }
      await bench.commit();
      const answered = new Set<unknown>();
      const next = [...all];
      for (let round = 0; round < 400 && bench.pipeline.payments.count > 0; round++) {
        await bench.tick(100);
        for (const processor of bench.processors) {
          for (const look of processor.looks) {
            if (answered.has(look)) continue;
            answered.add(look);
            await look.answer(NOTHING);
          }
          for (const charge of processor.charges) {
            if (answered.has(charge)) continue;
            answered.add(charge);
            await charge.answer(next.shift() ?? ACCEPTED);
            for (const { inFlight } of bench.lanes) {
              expect(inFlight).toBeGreaterThanOrEqual(0);
            }
          }
        }
      }
      await bench.commit();
      expect(bench.pipeline.payments.count).toBe(0);
      expect(bench.inFlight).toEqual([0, 0]);
      expect(bench.pipeline.isDrained).toBe(true);
      const [rejected = 0] = [bench.pipeline.payments.parked.get("rejected")];
      expect(bench.settled[0]! + bench.settled[1]! + rejected).toBe(12);
    }),
    { numRuns: 25 },
  );
});

test("no payment is sent with an instant before the tariffs that are in force, however the clock is set", async () => {
  const fromMs = WALL_START_MS + 60_000;
  using bench = new Bench({ tariffsFromMs: fromMs });
  await bench.send(1);
  bench.clock.nowMs += 60_001;
  await bench.send(2);
  const sent = bench.default.charges.map(({ asked }) => asked.requestedAtMs);
  expect(sent).toEqual([fromMs, fromMs + 1]);
});
