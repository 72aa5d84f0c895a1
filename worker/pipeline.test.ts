import { describe, expect, test } from "bun:test";
import { BLOCK_ROWS } from "./ledger.ts";
import {
  ACCEPTED,
  Bench,
  EXISTS,
  last,
  NOTHING,
  REFUSED,
  UNKNOWN,
} from "./pipeline/scripted.fixture.ts";

describe("draining", () => {
  test("takes nothing new, which is left to the next worker, and starts nothing, but waits for what is in flight", async () => {
    using bench = new Bench({ inFlightMax: 1 });
    const charge = await bench.send(1);
    bench.take(2);
    await bench.commit();
    bench.pipeline.startDrain();
    expect(bench.pipeline.isDrained).toBe(false);
    bench.take(3);
    await bench.tick();
    expect(bench.verdictsOf(3)).toEqual([]);
    await charge.answer(ACCEPTED);
    await bench.tick();
    bench.pipeline.startDrain();
    expect(bench.pipeline.isDrained).toBe(true);
    expect(bench.settled).toEqual([1, 0]);
    expect(bench.default.charges).toHaveLength(1);
    expect(bench.stateOf(2)).toBe("accepted");
    expect(bench.inFlight).toEqual([0, 0]);
  });

  test("acknowledges what was on its way into the journal, and does not send it", async () => {
    using bench = new Bench();
    bench.take(1);
    bench.pipeline.startDrain();
    await bench.commit();
    expect(bench.verdictsOf(1)).toEqual(["stored"]);
    expect(bench.default.charges).toEqual([]);
    expect(bench.inFlight).toEqual([0, 0]);
    bench.pipeline.startDrain();
    expect(bench.pipeline.isDrained).toBe(true);
  });

  test("does not send what was being assigned: the next start asks about it", async () => {
    using bench = new Bench();
    bench.openLane(0);
    bench.take(1);
    await bench.commit();
    bench.clock.nowMs += 100;
    bench.pipeline.tick();
    bench.pipeline.startDrain();
    await bench.commit();
    expect(bench.stateOf(1)).toBe("assigned");
    expect(bench.default.charges).toEqual([]);
    expect(bench.inFlight).toEqual([0, 0]);
  });

  test("leaves a refused payment to the next start", async () => {
    using bench = new Bench();
    const charge = await bench.send(1);
    bench.pipeline.startDrain();
    await charge.answer(REFUSED);
    await bench.tick();
    expect(bench.stateOf(1)).toBe("accepted");
    bench.pipeline.startDrain();
    expect(bench.pipeline.isDrained).toBe(true);
    expect(bench.default.charges).toHaveLength(1);
  });

  test("waits for the look that a 422 asks for", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(EXISTS);
    bench.pipeline.startDrain();
    expect(bench.pipeline.isDrained).toBe(false);
    await last(bench.default.looks).answer(bench.default.found());
    bench.pipeline.startDrain();
    expect(bench.pipeline.isDrained).toBe(true);
    expect(bench.settled).toEqual([1, 0]);
  });

  test("waits for looks of unknown payments, and sends none of them again", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(UNKNOWN);
    await bench.tick();
    expect(bench.default.looks).toHaveLength(1);
    bench.pipeline.startDrain();
    expect(bench.pipeline.isDrained).toBe(false);
    await last(bench.default.looks).answer(NOTHING);
    bench.pipeline.startDrain();
    expect(bench.pipeline.isDrained).toBe(true);
    for (let i = 0; i < 10; i++) await bench.tick(1_000);
    expect(bench.default.charges).toHaveLength(1);
  });
});

describe("purge", () => {
  test("resolves when it is durable", async () => {
    using bench = new Bench();
    let done = false;
    const purged = bench.pipeline.purge().then(() => (done = true));
    await Promise.resolve();
    expect(done).toBe(false);
    await bench.commit();
    await purged;
  });

  test("while payments are in flight keeps them: they settle after it", async () => {
    using bench = new Bench();
    const first = await bench.send(1);
    await first.answer(ACCEPTED);
    const second = await bench.send(2);
    const purged = bench.pipeline.purge();
    await second.answer(ACCEPTED);
    await bench.commit();
    await purged;
    const rows = await bench.journal.rows(0, 1e9);
    expect([...rows.requestedAtMs]).toEqual([second.asked.requestedAtMs]);
    expect(bench.pipeline.payments.count).toBe(0);
    expect(bench.ledger.head).toBe(BLOCK_ROWS + 1);
  });

  test("forgets what settled just before, also when both share a commit", async () => {
    using bench = new Bench();
    const charge = await bench.send(1);
    await charge.answer(ACCEPTED);
    const purged = bench.pipeline.purge();
    await bench.commit();
    await purged;
    expect((await bench.journal.rows(0, 1e9)).requestedAtMs).toHaveLength(0);
    expect(bench.stateOf(1)).toBeUndefined();
  });

  test("keeps payments without a clear answer, and the ids of all", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(UNKNOWN);
    await (await bench.send(2)).answer(ACCEPTED);
    const purged = bench.pipeline.purge();
    await bench.commit();
    await purged;
    expect(bench.stateOf(1)).toBe("unknown");
    for (const n of [1, 2]) bench.take(n);
    await bench.commit();
    expect(bench.verdictsOf(1)).toEqual(["stored", "duplicate"]);
    expect(bench.verdictsOf(2)).toEqual(["stored", "duplicate"]);
    expect(bench.inFlight).toEqual([0, 0]);
  });

  test("is tried again when its commit fails", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(ACCEPTED);
    await bench.commit();
    const repair = bench.breakJournal();
    const purged = bench.pipeline.purge();
    await bench.commit();
    repair();
    await bench.tick(1_000);
    await purged;
    expect((await bench.journal.rows(0, 1e9)).requestedAtMs).toHaveLength(0);
  });
});

test("the books count every open payment in one state, and never below nothing", async () => {
  using bench = new Bench({ patienceMs: 0 });
  const outcomes = [ACCEPTED, REFUSED, UNKNOWN, ACCEPTED, EXISTS];
  const answered = new Set<unknown>();
  for (let n = 0; n < 60; n++) {
    bench.take(n % 50);
    await bench.tick();
    for (const look of bench.processors.flatMap(({ looks }) => looks)) await look.answer(NOTHING);
    for (const charge of bench.processors.flatMap(({ charges }) => charges)) {
      if (answered.has(charge)) continue;
      answered.add(charge);
      await charge.answer(outcomes[answered.size % 5] ?? ACCEPTED);
    }
    const counts = Object.values(bench.pipeline.payments.countByState);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(0);
    expect(counts.reduce((sum, count) => sum + count)).toBe(bench.pipeline.payments.count);
  }
});
