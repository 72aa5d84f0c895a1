import { expect, test } from "bun:test";
import fc from "fast-check";
import { Schedule } from "./schedule.ts";

test("work comes out by due time, and in order of arrival where that is equal", () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("add"), atMs: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ kind: fc.constant("take"), atMs: fc.integer({ min: 0, max: 20 }) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const schedule = new Schedule<number>();
      let naive: { dueAtMs: number; arrival: number }[] = [];
      let arrivals = 0;
      for (const { kind, atMs } of operations) {
        if (kind === "add") {
          naive.push({ dueAtMs: atMs, arrival: arrivals });
          schedule.add(atMs, arrivals++);
          continue;
        }
        naive.sort((a, b) => a.dueAtMs - b.dueAtMs || a.arrival - b.arrival);
        const expected = naive[0] !== undefined && naive[0].dueAtMs <= atMs ? naive[0] : null;
        expect(schedule.nextDueAtMs).toBe(naive[0]?.dueAtMs ?? null);
        expect(schedule.takeDue(atMs)?.work ?? null).toBe(expected?.arrival ?? null);
        naive = naive.filter((entry) => entry !== expected);
      }
      naive.sort((a, b) => a.dueAtMs - b.dueAtMs || a.arrival - b.arrival);
      expect(schedule.takeAll()).toEqual(naive.map((entry) => entry.arrival));
      expect(schedule.nextDueAtMs).toBeNull();
    }),
  );
});
