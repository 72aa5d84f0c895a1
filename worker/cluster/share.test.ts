import { expect, test } from "bun:test";
import fc from "fast-check";
import { Share } from "./share.ts";
import { SHARDS } from "../../shared/shards.ts";

const TIMEOUT_MS = 1_000;

test("shards that nobody had count at once", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, SHARDS, 0);
  expect(share.of(0, 640)).toBe(640);
});

test("shards that were given count at once", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, 64, 0);
  expect([share.of(0, 640), share.isWhole(0)]).toEqual([160, true]);
});

test("shards of a worker that has ended count when its calls surely have", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, 64, 0);
  share.has(500, 256, 192);
  expect([share.of(500, 640), share.isWhole(500)]).toEqual([160, false]);
  expect(share.of(1_499, 640)).toBe(160);
  expect([share.of(1_500, 640), share.isWhole(1_500)]).toEqual([640, true]);
});

test("of shards that come together those count at once that were not abandoned", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, 128, 64);
  expect(share.of(0, 256)).toBe(64);
});

test("what is about to be given away counts no more, nor what was", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, 128, 0);
  expect(share.of(0, 256, 32)).toBe(96);
  share.has(10, 96, 0);
  expect(share.of(10, 256)).toBe(96);
});

test("shards that are lost before they count were never counted", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, 64, 0);
  share.has(0, 128, 64);
  share.has(10, 96, 0);
  expect(share.of(10, 256)).toBe(32);
  share.has(20, 16, 0);
  expect(share.of(TIMEOUT_MS, 256)).toBe(16);
});

test("one call is always allowed", () => {
  const share = new Share(TIMEOUT_MS);
  share.has(0, 1, 0);
  expect(share.of(0, 8)).toBe(1);
});

test("shards that go round among workers that give them or end are never counted twice", () => {
  const move = fc.record({
    afterMs: fc.nat(600),
    from: fc.nat(3),
    to: fc.nat(3),
    count: fc.integer({ min: 1, max: SHARDS }),
    ends: fc.boolean(),
  });
  const HARD = 2_560;
  fc.assert(
    fc.property(fc.array(move), (moves) => {
      const begun = () => ({ share: new Share(TIMEOUT_MS), count: 0 });
      const workers = [begun(), begun(), begun(), begun()];
      workers[0]!.count = SHARDS;
      workers[0]!.share.has(0, SHARDS, 0);
      /** Calls of workers that have ended, and when they surely have. */
      const calls: { readonly count: number; readonly untilMs: number }[] = [];
      let nowMs = 0;
      for (const { afterMs, from, to, count, ends } of moves) {
        nowMs += afterMs;
        const [giver, taker] = [workers[from]!, workers[to]!];
        if (from === to || (!ends && !giver.share.isWhole(nowMs))) continue;
        const given = ends ? giver.count : Math.min(count, giver.count);
        if (ends) calls.push({ count: giver.share.of(nowMs, HARD), untilMs: nowMs + TIMEOUT_MS });
        if (ends) workers[from] = begun();
        else giver.share.has(nowMs, (giver.count -= given), 0);
        taker.share.has(nowMs, (taker.count += given), ends ? given : 0);
        const running = calls.filter(({ untilMs }) => untilMs > nowMs);
        const all = workers.map(({ share }) => share.of(nowMs, HARD));
        const sum = [...all, ...running.map((one) => one.count)].reduce((a, b) => a + b, 0);
        expect(sum).toBeLessThanOrEqual(HARD + workers.length + running.length);
      }
      for (const { share, count } of workers) {
        expect(share.of(nowMs + TIMEOUT_MS, HARD)).toBe(Math.max(1, count * 10));
      }
    }),
  );
});
