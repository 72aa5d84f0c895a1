import { expect, test } from "bun:test";
import { SHARDS } from "../../shared/shards.ts";
import { Owners } from "./owners.ts";

const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const ALL = Array.from({ length: SHARDS }, (_, shard) => shard);
const one = { name: "w1", link: "10.0.0.5:9996", http: "http://10.0.0.5:9995", shards: ALL };
const MANY = Array.from({ length: 65 }, () => ({ ...one, shards: [] }));

test("a map says whose a payment is, and nobody's when no worker has its shard", () => {
  const map = { version: 1_764_000_000_000, workers: [one] };
  expect(Owners.of(map)?.linkOf(ID)).toBe("10.0.0.5:9996");
  expect(Owners.of(map)?.version).toBe(1_764_000_000_000);
  expect(Owners.of({ version: 1, workers: [{ ...one, shards: [] }] })?.linkOf(ID)).toBeNull();
  expect(Owners.of({ version: 1, workers: [] })?.linkOf(ID)).toBeNull();
});

test.each([
  ["nothing", null],
  ["a text", "map"],
  ["no version", { workers: [one] }],
  ["a version that is a fraction", { version: 0.5, workers: [] }],
  ["a version that is not exact", { version: 2 ** 53, workers: [] }],
  ["a shard that there is not", { version: 1, workers: [{ ...one, shards: [256] }] }],
  ["a shard of two workers", { version: 1, workers: [one, { ...one, shards: [9] }] }],
  ["a shard twice", { version: 1, workers: [{ ...one, shards: [9, 9] }] }],
  ["a link without a port", { version: 1, workers: [{ ...one, link: "10.0.0.5" }] }],
  ["an address that is not http", { version: 1, workers: [{ ...one, http: "file:///etc" }] }],
  ["too many workers", { version: 1, workers: MANY }],
])("a map with %s is none", (_, json) => {
  expect(Owners.of(json)).toBeNull();
});
