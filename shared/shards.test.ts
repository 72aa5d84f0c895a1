import { expect, test } from "bun:test";
import { shardOf, SHARDS } from "./shards.ts";

test("a shard is the same for an id for ever", () => {
  const ids = [
    "00000000-0000-0000-0000-000000000000",
    "ff000000-0000-0000-0000-000000000001",
    "4a7901b8-7d26-4d9d-aa19-000000000001",
    "deadbeef-cafe-4bad-8f00-d15ea5e0ffff",
  ];
  expect(ids.map(shardOf)).toEqual([0x00, 0xfe, 0xb3, 0xb5]);
});

test("ids that are made from the time are spread over all of them", () => {
  const counts = Array.from({ length: SHARDS }, () => 0);
  for (let i = 0; i < 20_000; i++) counts[shardOf(Bun.randomUUIDv7())]!++;
  expect(Math.min(...counts)).toBeGreaterThan(20_000 / SHARDS / 2);
  expect(Math.max(...counts)).toBeLessThan((20_000 / SHARDS) * 2);
});
