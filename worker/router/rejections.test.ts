import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Rejections } from "./rejections.ts";

const MINUTE_MS = 60_000;

/** Rejections of a processor that accepted a payment at 0. */
function proven(): Rejections {
  const rejections = new Rejections();
  rejections.accepted(0);
  return rejections;
}

describe("a rejection is believed", () => {
  test("of a processor that accepted another payment within a minute before", () => {
    const rejections = proven();
    expect(rejections.rejected(MINUTE_MS)).toBe("success");
    expect(rejections.believed(MINUTE_MS)).toBe(true);
  });

  test("not when that is longer ago, or never was", () => {
    const long = proven();
    expect(long.rejected(MINUTE_MS + 1)).toBe("none");
    expect(long.believed(MINUTE_MS + 1)).toBe(false);
    const never = new Rejections();
    expect(never.rejected(0)).toBe("none");
    expect(never.believed(0)).toBe(false);
  });

  test("not when there were many before it: then the processor is the odd one", () => {
    const rejections = proven();
    const believed = [1, 2, 3, 4, 5].map((atMs) => {
      rejections.rejected(atMs);
      return rejections.believed(atMs);
    });
    expect(believed).toEqual([true, true, true, false, false]);
  });
});

describe("three in a row trip", () => {
  test("a processor that was never seen to accept anything", () => {
    const rejections = new Rejections();
    expect([0, 1, 2, 3].map((atMs) => rejections.rejected(atMs))).toEqual([
      "none",
      "none",
      "trip",
      "trip",
    ]);
  });

  test("one that accepted until a moment ago", () => {
    const rejections = proven();
    expect([1, 2, 3].map((atMs) => rejections.rejected(atMs))).toEqual([
      "success",
      "success",
      "trip",
    ]);
  });

  test("and no others: an acceptance in between begins anew", () => {
    const rejections = proven();
    for (let atMs = 1; atMs < 100; atMs++) {
      expect(rejections.rejected(atMs)).not.toBe("trip");
      if (atMs % 2 === 0) rejections.accepted(atMs);
    }
  });
});

test("some are pending until the next acceptance", () => {
  const rejections = new Rejections();
  expect(rejections.pending).toBe(false);
  rejections.rejected(0);
  expect(rejections.pending).toBe(true);
  rejections.accepted(1);
  expect(rejections.pending).toBe(false);
});

test("whatever comes, nothing is believed without an acceptance in the minute before", () => {
  const events = fc.array(fc.tuple(fc.boolean(), fc.nat(MINUTE_MS * 2)), { maxLength: 40 });
  fc.assert(
    fc.property(events, (all) => {
      const rejections = new Rejections();
      let acceptedAtMs = Number.NEGATIVE_INFINITY;
      let nowMs = 0;
      for (const [isAccepted, afterMs] of all) {
        nowMs += afterMs;
        if (isAccepted) {
          rejections.accepted(nowMs);
          acceptedAtMs = nowMs;
        } else {
          rejections.rejected(nowMs);
          if (rejections.believed(nowMs)) {
            expect(nowMs - acceptedAtMs).toBeLessThanOrEqual(MINUTE_MS);
          }
        }
      }
    }),
  );
});
