import { expect, test } from "bun:test";
import { notAudited } from "../audit.ts";
import { mayBeGap, reportWith } from "./gap.ts";

const compared = (ours: number, theirs: number) => ({
  ...notAudited("default", "off"),
  ours: { count: ours, cents: ours * 10 },
  theirs: { count: theirs, cents: theirs * 10 },
});

test("the gap of a restore is what all processors have more, and nothing on any other journal", () => {
  const processors = [compared(5, 9), compared(7, 8), notAudited("third", "off")];
  expect(reportWith(processors, null)).toEqual({ processors });
  expect(reportWith(processors, 0).restored).toEqual({
    at: "1970-01-01T00:00:00.000Z",
    payments: 5,
    cents: 50,
  });
  expect(reportWith([compared(9, 5)], 0).restored).toMatchObject({ payments: 0, cents: 0 });
});

const LACKING = {
  correlationId: "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3",
  oursCents: 10,
  theirsCents: null,
  oursRequestedAt: "2026-01-31T09:30:00.000Z",
  theirsRequestedAt: null,
  status: "settled",
  processor: "default",
} as const;

test("what a processor has less is no gap, nor is a payment that it lacks", () => {
  expect(mayBeGap(compared(5, 9))).toBe(true);
  expect(mayBeGap(compared(9, 5))).toBe(false);
  expect(mayBeGap({ ...compared(5, 9), theirs: { count: 9, cents: 49 } })).toBe(false);
  const lacking = { ...LACKING, kind: "missing" } as const;
  expect(mayBeGap({ ...compared(5, 9), differing: [lacking] })).toBe(false);
});
