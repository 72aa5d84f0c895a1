import { expect, test } from "bun:test";
import fc from "fast-check";
import { isAnothers, nextNumber, spread, surplus, type Owners } from "./owners.ts";
import { SHARDS } from "../../shared/shards.ts";

function countOf(owners: Owners, worker: number | null): number {
  return owners.filter((owner) => owner === worker).length;
}

const all = (worker: number | null): Owners => Array.from({ length: SHARDS }, () => worker);
const workers = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 });
const map = fc.array(fc.option(fc.integer({ min: 1, max: 50 })), {
  minLength: SHARDS,
  maxLength: SHARDS,
});

test("what nobody has goes to the living in equal parts", () => {
  const owners = spread(all(null), null, [4, 2, 9]);
  expect([2, 4, 9].map((worker) => countOf(owners, worker))).toEqual([86, 85, 85]);
});

test("with nobody living, it stays whose it was", () => {
  expect(spread(all(3), 3, [])).toEqual(all(3));
});

test("the dead have nothing afterwards, nobody loses any, and all orders of the living are one", () => {
  fc.assert(
    fc.property(map, fc.integer({ min: 1, max: 50 }), workers, (owners, dead, others) => {
      const living = others.filter((worker) => worker !== dead);
      fc.pre(living.length > 0);
      const after = spread(owners, dead, living);
      expect(countOf(after, dead)).toBe(0);
      for (const [shard, owner] of owners.entries()) {
        if (owner !== dead) expect(after[shard]!).toBe(owner!);
        else expect(living).toContain(after[shard]!);
      }
      expect(spread(owners, dead, living.toReversed())).toEqual(after);
    }),
  );
});

test("a worker gives to the one that has joined until they have the same", () => {
  const gifts = surplus(all(1), 1, [1, 2]);
  expect(gifts).toHaveLength(SHARDS / 2);
  expect(new Set(gifts.map(({ to }) => to))).toEqual(new Set([2]));
});

test("gifts of everybody lead to equal parts, and then nobody gives any more", () => {
  fc.assert(
    fc.property(map, workers, (some, living) => {
      // Shards of the dead are spread first.
      let owners: Owners = some.map((owner) => (living.includes(owner!) ? owner : null));
      owners = spread(owners, null, living);
      for (let round = 0; round < living.length; round++) {
        for (const worker of living) {
          const gifts = new Map(
            surplus(owners, worker, living).map(({ shard, to }) => [shard, to]),
          );
          for (const shard of gifts.keys()) expect(owners[shard]).toBe(worker);
          owners = owners.map((owner, shard) => gifts.get(shard) ?? owner);
        }
      }
      const counts = living.map((worker) => countOf(owners, worker));
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(2);
      expect(living.flatMap((worker) => surplus(owners, worker, living))).toEqual([]);
    }),
  );
});

test("a batch for a shard of another worker is known where the map is another one", () => {
  const [me, other] = [1, 2];
  const newest = { version: 8, owners: [me, other, null] };
  expect(isAnothers(newest, me, 7, [0, 0])).toBe(false);
  expect(isAnothers(newest, me, 7, [0, 1])).toBe(true);
  expect(isAnothers(newest, me, 9, [2])).toBe(true);
  expect(isAnothers(newest, me, 8, [1])).toBe(false);
});

test("a version grows with each change, and follows the clock", () => {
  expect(nextNumber(7, 1_000.5)).toBe(1_000);
  expect(nextNumber(1_000, 1_000)).toBe(1_001);
  expect(nextNumber(2_000, 1_000)).toBe(2_001);
});
