import { expect, test } from "bun:test";
import fc from "fast-check";
import { STREAMS } from "../limits.ts";
import { numberAfter, numbersIn } from "./numbers.ts";

const stream = fc.nat(STREAMS - 1);

test("numbers grow, whatever the clock does, and no two streams have one", () => {
  const step = fc.record({ stream, ms: fc.integer({ min: -2_000, max: 2_000 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let nowMs = Date.UTC(2030, 0, 1);
      const last = new Map<number, number>();
      const given = new Set<number>();
      for (const { stream: of, ms } of steps) {
        nowMs += ms;
        const before = last.get(of) ?? 1_000_000;
        const number = numberAfter(before, of, nowMs);
        expect(number).toBeGreaterThan(before);
        expect(given.has(number)).toBe(false);
        given.add(number);
        last.set(of, number);
      }
    }),
  );
});

test("a later millisecond has the greater number, whosever it is", () => {
  fc.assert(
    fc.property(stream, stream, fc.nat(10 ** 12), (one, other, sinceMs) => {
      const nowMs = Date.UTC(2026, 0, 2) + sinceMs;
      expect(numberAfter(0, one, nowMs + 1)).toBeGreaterThan(numberAfter(0, other, nowMs));
      expect(numberAfter(0, one, nowMs + 1) - numberAfter(0, one, nowMs)).toBe(numbersIn(1));
    }),
  );
});

test("numbers are exact as doubles until 2095, and go on from those of a file", () => {
  const last = numberAfter(0, STREAMS - 1, Date.UTC(2095, 0, 1));
  expect(Number.isSafeInteger(last)).toBe(true);
  expect(numberAfter(last, STREAMS - 1, 0)).toBe(last + STREAMS);
  expect(numberAfter(1_000, 3, 0)).toBe((Math.floor(1_000 / STREAMS) + 1) * STREAMS + 3);
});
