import { expect, test } from "bun:test";
import { notAudited } from "../audit.ts";
import { reportWith } from "./gap.ts";

const compared = (ours: number, theirs: number) => ({
  ...notAudited("default"),
  ours: { count: ours, cents: ours * 10 },
  theirs: { count: theirs, cents: theirs * 10 },
});

test("the gap of a restore is what all processors have more, and nothing on any other journal", () => {
  const processors = [compared(5, 9), compared(7, 8), notAudited("third")];
  expect(reportWith(processors, null)).toEqual({ processors });
  expect(reportWith(processors, 0).restored).toEqual({
    at: "1970-01-01T00:00:00.000Z",
    payments: 5,
    cents: 50,
  });
  expect(reportWith([compared(9, 5)], 0).restored).toMatchObject({ payments: 0, cents: 0 });
});
