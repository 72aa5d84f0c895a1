import { expect, test } from "bun:test";
import { Tally } from "./tally.ts";

const answer = (status: number, ms: number) => ({ kind: "answer", status, ms }) as const;

test("calls are counted by status or by what went wrong", () => {
  const tally = new Tally();
  tally.add(answer(202, 1));
  tally.add(answer(202, 1));
  tally.add(answer(503, 1));
  tally.add({ kind: "failure", reason: "timeout" });
  expect(tally.calls).toEqual({ 202: 2, 503: 1, timeout: 1 });
});

test("latencies are those of successful calls", () => {
  const tally = new Tally();
  for (let i = 1; i <= 1_000; i++) tally.add(answer(202, i / 100));
  tally.add(answer(503, 1_000));
  tally.add({ kind: "failure", reason: "timeout" });
  expect(tally.latencies()).toEqual({
    p50Ms: 5,
    p99Ms: 9.9,
    p999Ms: 9.99,
    maxMs: 10,
    calls: 1_000,
  });
});

test("no percentile is above the largest latency", () => {
  const tally = new Tally();
  tally.add(answer(202, 179.32));
  const { p50Ms, p999Ms, maxMs } = tally.latencies();
  expect(p50Ms).toBe(p999Ms);
  expect(p999Ms).toBeLessThanOrEqual(maxMs);
});
