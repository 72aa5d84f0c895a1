import { expect, test } from "bun:test";
import fc from "fast-check";
import { Records } from "./records.ts";

const row = fc.record({
  correlationId: fc.uuid(),
  amountCents: fc.integer({ min: 0, max: 100_000_000 }),
  requestedAtMs: fc.integer({ min: 0, max: 50 }),
  recordedAtMs: fc.integer({ min: 0, max: 50 }),
});
const bound = fc.option(fc.integer({ min: 0, max: 100 }).map((half) => half / 2));

test("totals agree with a filter over all rows, both ends included", () => {
  fc.assert(
    fc.property(fc.array(row), bound, bound, (rows, fromMs, toMs) => {
      const records = new Records();
      const kept = rows.filter((each) => records.insert(each));
      const inside = kept.filter(
        ({ requestedAtMs }) =>
          fromMs === null || toMs === null || (requestedAtMs >= fromMs && requestedAtMs <= toMs),
      );
      const amountCents = inside.reduce((sum, each) => sum + each.amountCents, 0);
      expect(records.totals(fromMs, toMs)).toEqual({ count: inside.length, amountCents });
    }),
  );
});

function filled(count: number): Records {
  const records = new Records();
  for (let i = 0; i < count; i++) {
    const correlationId = `00000000-0000-0000-0000-${i.toString().padStart(12, "0")}`;
    records.insert({ correlationId, amountCents: i, requestedAtMs: i, recordedAtMs: i });
  }
  return records;
}

test.each([0, 1, 4_095, 4_096, 4_097, 10_000])("lists all of %p rows, one a line", (count) => {
  const text = [...filled(count).lines()].join("");
  const amounts = text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line).amountCents);
  expect(amounts).toEqual(Array.from({ length: count }, (_, i) => i));
});

test("a listing under way is not changed by inserts and purges", () => {
  const records = filled(5_000);
  const lines = records.lines();
  let text = lines.next().value as string;
  records.insert({ correlationId: "late", amountCents: 0, requestedAtMs: 0, recordedAtMs: 0 });
  records.purge();
  for (const chunk of lines) text += chunk;
  expect(text.split("\n").length - 1).toBe(5_000);
  expect(text).not.toContain("late");
});
