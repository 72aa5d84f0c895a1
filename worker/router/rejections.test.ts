import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Rejections } from "./rejections.ts";

const MINUTE_MS = 60_000;
const FIRST = 0;

/** Rejections of a processor that accepted a payment at 0, after another had been rejected. */
function proven(): Rejections {
  const rejections = new Rejections();
  rejections.accepted(0);
  return rejections;
}

describe("a rejection is believed", () => {
  test("of a processor that accepted another payment since, and within a minute", () => {
    const rejections = proven();
    rejections.rejected();
    expect(rejections.believed(MINUTE_MS, FIRST)).toBe(true);
  });

  test("not when that is longer ago, or never was", () => {
    const long = proven();
    long.rejected();
    expect(long.believed(MINUTE_MS + 1, FIRST)).toBe(false);
    const never = new Rejections();
    never.rejected();
    expect(never.believed(0, FIRST)).toBe(false);
  });

  test("not when all that was accepted was so before the payment was rejected first", () => {
    const rejections = proven();
    const first = rejections.acceptances;
    rejections.rejected();
    rejections.rejected();
    expect(rejections.believed(1, first)).toBe(false);
    rejections.accepted(1);
    rejections.rejected();
    expect(rejections.believed(1, first)).toBe(true);
  });

  test("not when there were many before it: then the processor is the odd one", () => {
    const rejections = proven();
    const believed = [1, 2, 3, 4, 5].map((atMs) => {
      rejections.rejected();
      return rejections.believed(atMs, FIRST);
    });
    expect(believed).toEqual([true, true, true, false, false]);
  });

  test("not for a minute after it has accepted what it had rejected", () => {
    const rejections = proven();
    rejections.contradicted(1);
    for (const [atMs, isBelieved] of [
      [1, false],
      [1 + MINUTE_MS, false],
      [2 + MINUTE_MS, true],
    ] as const) {
      rejections.accepted(atMs);
      rejections.rejected();
      expect(rejections.believed(atMs, FIRST)).toBe(isBelieved);
    }
  });
});

describe("three in a row trip", () => {
  test("whether it was seen to accept anything or not", () => {
    for (const rejections of [new Rejections(), proven()]) {
      const said = [0, 1, 2, 3].map(() => rejections.rejected());
      expect(said).toEqual(["rejected", "rejected", "trip", "trip"]);
    }
  });

  test("and no others: an acceptance in between begins anew", () => {
    const rejections = proven();
    for (let atMs = 1; atMs < 100; atMs++) {
      expect(rejections.rejected()).not.toBe("trip");
      if (atMs % 2 === 0) rejections.accepted(atMs);
    }
  });
});

test("some are pending until the next acceptance", () => {
  const rejections = new Rejections();
  expect(rejections.pending).toBe(false);
  rejections.rejected();
  expect(rejections.pending).toBe(true);
  rejections.accepted(1);
  expect(rejections.pending).toBe(false);
});

test("whatever comes, nothing is believed without an acceptance since, in the minute before", () => {
  const events = fc.array(fc.tuple(fc.boolean(), fc.nat(MINUTE_MS * 2)), { maxLength: 40 });
  fc.assert(
    fc.property(events, fc.nat(10), (all, before) => {
      const rejections = new Rejections();
      const acceptedAtMs: number[] = [];
      let nowMs = 0;
      for (const [isAccepted, afterMs] of all) {
        nowMs += afterMs;
        if (isAccepted) {
          rejections.accepted(nowMs);
          acceptedAtMs.push(nowMs);
        } else {
          rejections.rejected();
          if (rejections.believed(nowMs, before)) {
            expect(acceptedAtMs.length).toBeGreaterThan(before);
            expect(nowMs - acceptedAtMs.at(-1)!).toBeLessThanOrEqual(MINUTE_MS);
          }
        }
      }
    }),
  );
});
