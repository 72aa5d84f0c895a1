import { describe, expect, test } from "bun:test";
import type { ChargeOutcome } from "../processor.ts";
import { reportOf } from "./charge.ts";
import { ACCEPTED, Bench, last } from "./scripted.fixture.ts";
import { Shortage } from "./shortage.ts";

const NOTHING_LEFT: ChargeOutcome = {
  kind: "refused",
  reason: "EMFILE",
  overloaded: false,
  ownFault: true,
};

/** How many calls were tried while each of them failed for want of something of our own. */
async function triedIn(bench: Bench, ms: number): Promise<number> {
  const before = bench.default.charges.length;
  let answered = before;
  for (let passed = 0; passed < ms; passed += 10) {
    await bench.tick(10);
    for (const charge of bench.default.charges.slice(answered)) await charge.answer(NOTHING_LEFT);
    answered = bench.default.charges.length;
  }
  return answered - before;
}

describe("a call that could not be made here", () => {
  test("says nothing about the processor", () => {
    expect(reportOf(NOTHING_LEFT, 1)).toMatchObject({ signal: "none", dropped: false });
  });

  test("leaves the breaker as it is, and the payment to whoever takes it", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(NOTHING_LEFT);
    await triedIn(bench, 5_000);
    expect(bench.lanes[0]!.breaker.kind).toBe("closed");
    expect(bench.fallback.charges).toEqual([]);
    await bench.tick(500);
    await last(bench.default.charges).answer(ACCEPTED);
    await bench.commit();
    expect(bench.settled).toEqual([1, 0]);
  });

  test("is followed by one at a time after a rest, however many wait", async () => {
    using bench = new Bench();
    for (let n = 1; n <= 100; n++) bench.take(n);
    await bench.commit();
    for (const charge of bench.default.charges) await charge.answer(NOTHING_LEFT);
    expect(bench.default.charges.length).toBeGreaterThan(1);
    const tried = await triedIn(bench, 1_000);
    expect(tried).toBeGreaterThan(4);
    expect(tried).toBeLessThanOrEqual(10);
    bench.take(101);
    await bench.commit();
    expect(await triedIn(bench, 90)).toBeLessThanOrEqual(1);
  });

  test("is followed by twice as many for each that is made, up to as many as before", async () => {
    using bench = new Bench();
    for (let n = 1; n <= 200; n++) bench.take(n);
    await bench.commit();
    const atATime = bench.default.charges.length;
    for (const charge of bench.default.charges) await charge.answer(NOTHING_LEFT);
    let answered = atATime;
    const inFlight: number[] = [];
    while (bench.inFlight[0]! < atATime && inFlight.length < 30) {
      await bench.tick(10);
      const sent = bench.default.charges.slice(answered);
      answered = bench.default.charges.length;
      if (sent.length > 0) inFlight.push(sent.length);
      for (const charge of sent) await charge.answer({ ...ACCEPTED, connected: true });
    }
    expect(inFlight.slice(0, 3)).toEqual([1, 2, 4]);
    expect(inFlight.length).toBeLessThan(10);
  });

  test("sets no others loose when one ends that had its connection before", async () => {
    using bench = new Bench();
    for (let n = 1; n <= 50; n++) bench.take(n);
    await bench.commit();
    const [first, ...others] = bench.default.charges;
    for (const charge of others) await charge.answer(NOTHING_LEFT);
    const { length } = bench.default.charges;
    await first!.answer(ACCEPTED);
    await bench.commit();
    expect(bench.default.charges).toHaveLength(length + 1);
  });
});

describe("a shortage", () => {
  test("is over a second after the last failure, if a connection was made since", () => {
    for (const [connected, isOver] of [
      [true, true],
      [false, false],
    ] as const) {
      const shortage = new Shortage();
      shortage.noticed(0);
      expect(shortage.ended(50, connected)).toBe(false);
      expect(shortage.ended(1_000, false)).toBe(isOver);
      // Room for as many as have ended, and one try.
      for (let n = 0; n < 4; n++) shortage.tried(1_000);
      expect(shortage.allows(1_000)).toBe(isOver);
    }
  });

  test("does not keep room that a failure has shown to be none", () => {
    const shortage = new Shortage();
    shortage.noticed(0);
    for (let n = 0; n < 100; n++) shortage.ended(10, true);
    shortage.noticed(20);
    expect([20, 119, 120].map((nowMs) => shortage.allows(nowMs))).toEqual([false, false, true]);
  });
});

test("an overloaded processor that names no time is given no rest", () => {
  const overloaded = { kind: "refused", reason: "429", overloaded: true } as const;
  expect(reportOf(overloaded, 12)).not.toHaveProperty("restMs");
  expect(reportOf({ ...overloaded, retryAfterMs: 1 }, 12)).toHaveProperty("restMs", 1);
});
