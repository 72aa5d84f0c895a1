import { expect, test } from "bun:test";
import { fence, meaningOf, type Found } from "./fence.ts";

test.each<[Found, number | null, number]>([
  ["done", 7, 4],
  ["repeat", 7, 5],
  ["gap", 7, 3],
  ["gap", 7, 6],
  ["sealed", 8, 4],
  ["sealed", null, 4],
  ["sealed", 8, 5],
])("a batch 5 of worker 7 finds %s where worker %p has committed %d", (found, worker, batch) => {
  expect(fence({ worker, batch }, 7, 5)).toBe(found);
});

test("only what is known to be durable counts, and what is not known is no better than a gap", () => {
  expect(["done", "repeat", "sealed", "gap", "odd", undefined].map(meaningOf)).toEqual([
    "durable",
    "durable",
    "sealed",
    "gap",
    "gap",
    "gap",
  ]);
});
