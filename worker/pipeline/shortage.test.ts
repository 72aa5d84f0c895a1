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

  test("is over with the first that is made: as many go as before", async () => {
    using bench = new Bench();
    for (let n = 1; n <= 50; n++) bench.take(n);
    await bench.commit();
    const atATime = bench.default.charges.length;
    for (const charge of bench.default.charges) await charge.answer(NOTHING_LEFT);
    for (let ticks = 0; bench.default.charges.length === atATime; ticks++) {
      expect(ticks).toBeLessThan(20);
      await bench.tick(10);
    }
    expect(bench.inFlight).toEqual([1, 0]);
    await last(bench.default.charges).answer(ACCEPTED);
    await bench.tick(500);
    expect(bench.inFlight[0]).toBeGreaterThanOrEqual(atATime);
  });
});

test("it is said once in ten seconds", () => {
  const shortage = new Shortage();
  expect(shortage.noticed(1_000)).toBe(true);
  shortage.over();
  expect(shortage.noticed(10_999)).toBe(false);
  expect(shortage.noticed(11_000)).toBe(true);
});
