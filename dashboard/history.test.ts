import { expect, test } from "bun:test";
import type { LiveSnapshot } from "../shared/live.ts";
import { History } from "./history.ts";

const told = (startedAt: string, ...numbers: number[]) =>
  ({
    startedAt,
    seconds: numbers.map((number) => ({ number })),
    changes: [],
  }) as object as LiveSnapshot;
const numbersOf = ({ seconds }: History) => seconds.map(({ number }) => number);

test("rows are taken once, whatever is repeated", () => {
  const history = new History();
  history.add(told("a", 1, 2));
  history.add(told("a", 3));
  history.add(told("a", 1, 2, 3, 4));
  expect(numbersOf(history)).toEqual([1, 2, 3, 4]);
});

test("a worker that was started again begins anew", () => {
  const history = new History();
  history.add(told("a", 7, 8));
  history.add(told("b", 1));
  expect(numbersOf(history)).toEqual([1]);
});

test("no more is kept than is shown", () => {
  const history = new History();
  history.add(told("a", ...Array.from({ length: 400 }, (_, i) => i + 1)));
  expect(numbersOf(history)).toHaveLength(300);
  expect(numbersOf(history).at(-1)).toBe(400);
});
