import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BEAT_MS, LEASE_MS, Renewals } from "./lease.ts";

/** Renews every half second, `times` more after the first; the worker's own clock begins where it is told. */
function renewing(
  fromMs: number,
  times: number,
  renewals = new Renewals(),
  heardFromMs = fromMs,
): Renewals {
  for (let i = 0; i <= times; i++) {
    renewals.renewed(fromMs + i * BEAT_MS, heardFromMs + i * BEAT_MS);
  }
  return renewals;
}

const FOR_LONG = LEASE_MS / BEAT_MS + 1;

describe("another lease is taken", () => {
  test("when it is over, by a worker that has renewed for longer than a lease", () => {
    expect(renewing(0, FOR_LONG).mayTake(-1)).toBe(true);
  });

  test.each([
    ["while anything of it is left", renewing(0, FOR_LONG), 0],
    ["by nobody who has never renewed", new Renewals(), -1],
    ["by nobody who has renewed for a lease, and no longer", renewing(0, FOR_LONG - 1), -1],
    ["by nobody with a hole", renewing(10_000, 1, renewing(0, FOR_LONG)), -1],
    ["by nobody with a hole shorter than a lease", renewing(6_400, 1, renewing(0, FOR_LONG)), -1],
    ["by nobody whose database has an earlier clock now", renewing(100, 1, renewing(9_000, 9)), -1],
    [
      "by nobody that slept until its database had a clock that much earlier",
      renewing(BEAT_MS, FOR_LONG - 1, renewing(0, 0), 9_000),
      -1,
    ],
  ])("%s: not", (_, renewals, leftMs) => {
    expect(renewals.mayTake(leftMs)).toBe(false);
  });

  test("after a hole, once there was none for longer than a lease again", () => {
    expect(renewing(50_000, FOR_LONG, renewing(0, FOR_LONG)).mayTake(-1)).toBe(true);
  });
});

test("whatever the clocks do, who may take has renewed through the whole lease before", () => {
  const step = fc.tuple(fc.integer({ min: -5_000, max: 5_000 }), fc.nat({ max: 2_000 }));
  const steps = fc.array(step, { maxLength: 60 });
  fc.assert(
    fc.property(steps, (gaps) => {
      const renewals = new Renewals();
      const atMs: number[] = [];
      let heardMs = 0;
      for (const [gapMs, heardGapMs] of gaps) {
        atMs.push((atMs.at(-1) ?? 0) + gapMs);
        heardMs += heardGapMs;
        renewals.renewed(atMs.at(-1)!, heardMs);
        const since = gaps.slice(0, atMs.length).findLastIndex(([ms, heard], i) => {
          return i === 0 || ms < 0 || ms > LEASE_MS / 2 || heard > LEASE_MS / 2;
        });
        expect(renewals.mayTake(-1)).toBe(atMs.at(-1)! - atMs[since]! > LEASE_MS);
      }
    }),
  );
});
