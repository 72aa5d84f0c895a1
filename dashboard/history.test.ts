import { expect, test } from "bun:test";
import type { LiveSnapshot } from "../shared/http-api/live.ts";
import { atMsOf, History } from "./history.ts";

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

test("what happened before the clock was set is told by the clock as it is now", () => {
  const at = "2026-01-05T12:00:00.000Z";
  const snapshot = { at, upMs: 90_000 } as LiveSnapshot;
  expect(atMsOf({ upMs: 90_000 }, snapshot)).toBe(Date.parse(at));
  expect(atMsOf({ upMs: 60_000 }, snapshot)).toBe(Date.parse("2026-01-05T11:59:30.000Z"));
});
