import { expect, test } from "bun:test";
import { shardOf, SHARDS } from "../../../shared/shards.ts";
import { LullMeter } from "./lull.ts";

const idOf = (n: number) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
const SHARDS_OF_ALL = Array.from({ length: SHARDS }, (_, shard) => shard);
const [HERE, THERE] = [idOf(1), idOf(2)];

/** The first id's shard is one worker's, another has all others, and a third one waits for some. */
function meterAt(nowMs: number): LullMeter {
  const own = { link: "", http: "" };
  const here = shardOf(HERE);
  return new LullMeter(nowMs, {
    workers: [
      { ...own, name: "one", shards: [here] },
      { ...own, name: "other", shards: SHARDS_OF_ALL.filter((shard) => shard !== here) },
      { ...own, name: "waits", shards: [] },
    ],
  });
}

test("a worker's payments that wait are seen while another's go on", () => {
  const meter = meterAt(1_000);
  for (let nowMs = 1_100; nowMs <= 6_000; nowMs += 100) meter.seen(nowMs, THERE);
  meter.seen(6_050, HERE);
  expect(meter.longestMs).toEqual({ all: 100, worker: 5_050 });
});

test("time without any 202 is every worker's", () => {
  const meter = meterAt(0);
  meter.seen(100, HERE);
  meter.seen(200, THERE);
  meter.seen(3_200, THERE);
  meter.seen(3_300, HERE);
  expect(meter.longestMs).toEqual({ all: 3_000, worker: 3_200 });
});

test("is not over before each worker's payments were taken again", () => {
  const meter = meterAt(0);
  meter.seen(100, HERE);
  meter.seen(200, THERE);
  expect(meter.isSeenSince(50)).toBe(true);
  expect(meter.isSeenSince(150)).toBe(false);
  meter.seen(300, HERE);
  expect(meter.isSeenSince(150)).toBe(true);
});

test("a shard that nobody had when it began counts among all only", () => {
  const meter = new LullMeter(0, { workers: [] });
  meter.seen(400, HERE);
  expect(meter.longestMs).toEqual({ all: 400, worker: 0 });
});
