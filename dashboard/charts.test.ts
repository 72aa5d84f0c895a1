import { expect, test } from "bun:test";
import { lonelyIn } from "./charts.ts";

test("a value with nothing on either side is found, at the ends too", () => {
  expect(lonelyIn([1, null, 2, 3, null, 0, undefined, null, 4])).toEqual([0, 5, 8]);
  expect(lonelyIn([1, 2, null])).toEqual([]);
  expect(lonelyIn([7])).toEqual([0]);
  expect(lonelyIn([])).toEqual([]);
});
