import { expect, test } from "bun:test";
import fc from "fast-check";
import { Share } from "./share.ts";
import { SHARDS } from "../../shared/shards.ts";

const TIMEOUT_MS = 1_000;

test("shards that nobody had count at once", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, SHARDS, false);
  expect(share.of(0, 640)).toBe(640);
});

test("shards of a worker that has ended count when its calls surely have", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, 64, false);
  share.has(500, 256, true);
  expect(share.of(500, 640)).toBe(160);
  expect(share.of(1_499, 640)).toBe(160);
  expect(share.of(1_500, 640)).toBe(640);
});

test("what was given away counts no more at once, be it counted already or not", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, 64, false);
  share.has(0, 128, true);
  share.has(10, 96, false);
  expect(share.of(10, 256)).toBe(32);
  share.has(20, 16, false);
  expect(share.of(TIMEOUT_MS, 256)).toBe(16);
});

test("one call is always allowed", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, 1, false);
  expect(share.of(0, 8)).toBe(1);
});

test("shards that go round among workers are never counted twice", () => {
  const move = fc.record({
    afterMs: fc.nat(600),
    from: fc.nat(3),
    to: fc.nat(3),
    count: fc.integer({ min: 1, max: SHARDS }),
  });
  fc.assert(
    fc.property(fc.array(move), (moves) => {
      const workers = Array.from({ length: 4 }, () => ({ share: new Share(TIMEOUT_MS), count: 0 }));
      workers[0]!.count = SHARDS;
      workers[0]!.share.has(0, SHARDS, false);
      let nowMs = 0;
      for (const { afterMs, from, to, count } of moves) {
        nowMs += afterMs;
        const [giver, taker] = [workers[from]!, workers[to]!];
        const given = from === to ? 0 : Math.min(count, giver.count);
        giver.count -= given;
        taker.count += given;
        giver.share.has(nowMs, giver.count, false);
        taker.share.has(nowMs, taker.count, true);
        const all = workers.map(({ share }) => share.of(nowMs, 2_560));
        expect(all.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(2_560 + workers.length);
      }
      for (const { share, count } of workers) {
        expect(share.of(nowMs + TIMEOUT_MS, 2_560)).toBe(Math.max(1, count * 10));
      }
    }),
  );
});
