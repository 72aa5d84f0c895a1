import { expect, test } from "bun:test";
import type { Minute } from "../shared/http-api/history.ts";
import { slicesOf } from "./day.ts";

const AT_MS = 1_800_000_000_000;

function minuteAt(second: number, settled: Minute["settled"], spanMs = 60_000): Minute {
  const counts = { accepted: 6, p50Ms: 1, p99Ms: null, open: 2, unknown: 0 };
  return { at: new Date(AT_MS + second * 1_000).toISOString(), spanMs, settled, ...counts };
}

test("rows are by lane, whatever processors there were before", () => {
  const minutes = [minuteAt(60, { gone: 3, b: 1 }), minuteAt(120, { a: 2 })];
  expect(slicesOf(minutes, ["a", "b"])).toMatchObject([
    { atMs: AT_MS + 60_000, accepted: 6, settled: [0, 1], p99Ms: null },
    { atMs: AT_MS + 120_000, settled: [2, 0] },
  ]);
  expect(slicesOf([], ["a"])).toEqual([]);
});

test("where no worker ran there is a hole; a quick restart is none", () => {
  const minutes = [minuteAt(60, {}), minuteAt(95, {}, 30_000), minuteAt(400, {}, 20_000)];
  const slices = slicesOf(minutes, ["a"]);
  expect(slices.map(({ atMs }) => atMs - AT_MS)).toEqual([60_000, 95_000, 95_001, 400_000]);
  expect(slices[2]).toMatchObject({ accepted: null, settled: [null], open: null, unknown: null });
});
