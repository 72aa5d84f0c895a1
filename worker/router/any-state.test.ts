/** Tests what holds for every router and every queue. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { anyAmountCents, anyTariff } from "../../shared/tariff.fixture.ts";
import { feeOf, millionthsOf } from "../../shared/tariff.ts";
import type { RouterLane } from "./lane.ts";
import {
  CONTEST,
  MARGIN_MS,
  NOW_MS,
  routerOf,
  type NumberedRouter,
  open,
  halfOpen,
  fill,
  latency,
  waiting,
} from "./router.fixture.ts";

describe("in whatever state the processors are", () => {
  const STATES = ["idle", "full", "open", "half-open", "half-open and full"] as const;
  const anyLane = fc.record({
    fee: anyTariff,
    latencyMs: fc.integer({ min: 0, max: 3_000 }),
    state: fc.constantFrom(...STATES),
  });
  const world = fc.record({
    lanes: fc.oneof(...[1, 2, 5].map((n) => fc.array(anyLane, { minLength: n, maxLength: n }))),
    amountCents: anyAmountCents,
    patienceMs: fc.constantFrom(0, 100, 1_000, 15_000, 30_000),
    length: fc.integer({ min: 1, max: 20_000 }),
    leftMs: fc.integer({ min: -5_000, max: 30_000 }),
    spacingMs: fc.double({ min: 0, max: 5, noNaN: true }),
  });
  type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

  function build({ lanes, patienceMs }: World): NumberedRouter {
    const processors = lanes.map(({ fee }, i) => ({ name: `p${i}`, fee }));
    const router = routerOf(processors, { patienceMs });
    for (const [number, { latencyMs, state }] of lanes.entries()) {
      latency(router, number, latencyMs);
      if (state === "open") open(router, number);
      if (state.startsWith("half-open")) halfOpen(router, number);
      if (state.endsWith("full")) fill(router, number);
    }
    return router;
  }
  const queueOf = ({ length, leftMs, spacingMs }: World) => waiting(length, leftMs, spacingMs);
  /** Cost of the payment at the head there, in millionths of a cent. */
  const costOf = ({ fee }: RouterLane, { amountCents }: World) =>
    millionthsOf(feeOf(fee, amountCents));
  const marginOf = ({ patienceMs }: World) => Math.min(MARGIN_MS, patienceMs / 4);

  test("a payment goes only where there is room", () => {
    fc.assert(
      fc.property(world, (given) => {
        const router = build(given);
        const lane = router.pick(NOW_MS, queueOf(given), given.amountCents);
        if (lane !== null) expect(lane.hasRoom).toBe(true);
      }),
    );
  });

  test("the cheapest gets it when it has room", () => {
    fc.assert(
      fc.property(world, (given) => {
        const router = build(given);
        const costs = router.lanes.map((lane) => costOf(lane, given));
        const least = costs.reduce((a, b) => (b < a ? b : a));
        const cheapest = router.lanes.filter((_, i) => costs[i] === least);
        const lane = router.pick(NOW_MS, queueOf(given), given.amountCents);
        if (!cheapest.some(({ hasRoom }) => hasRoom)) return;
        expect(costOf(lane!, given)).toBe(least);
      }),
    );
  });

  test("nobody dearer gets it while a cheaper one with room would do", () => {
    fc.assert(
      fc.property(world, (given) => {
        const router = build(given);
        const lane = router.pick(NOW_MS, queueOf(given), given.amountCents);
        if (lane === null) return;
        const cost = costOf(lane, given);
        for (const other of router.lanes) {
          if (costOf(other, given) < cost) expect(other.hasRoom).toBe(false);
        }
      }),
    );
  });

  test("nobody dearer gets it while waiting for the cheaper ones keeps all deadlines", () => {
    fc.assert(
      fc.property(world, (given) => {
        const router = build(given);
        const queue = queueOf(given);
        const lane = router.pick(NOW_MS, queue, given.amountCents);
        if (lane === null) return;
        const cost = costOf(lane, given);
        const cheaper = router.lanes.filter((one) => costOf(one, given) < cost);
        if (cheaper.length === 0) return;
        const rate = cheaper.reduce((sum, { ratePerMs }) => sum + ratePerMs, 0);
        const working = cheaper.filter((one) => one.working).map(({ latencyMs }) => latencyMs);
        const late = Array.from({ length: given.length }, (_, position) => position).some(
          (position) =>
            rate === 0 ||
            NOW_MS + Math.max(...working) + position / rate + marginOf(given) >
              queue.deadlineMsAt(position),
        );
        expect(late).toBe(true);
      }),
    );
  });

  test("a trial goes only to an open one that is due for it, and nothing cheaper has room", () => {
    fc.assert(
      fc.property(world, (given) => {
        const router = build(given);
        const trial = router.trial(NOW_MS, queueOf(given), given.amountCents);
        if (trial === null) return;
        expect(router.lane(trial.lane).breaker.kind).toBe("open");
        const cost = costOf(router.lane(trial.lane), given);
        const cheaper = router.lanes.filter((one) => costOf(one, given) < cost);
        expect(trial.needed).toBe(cheaper.length > 0);
        for (const one of router.lanes) {
          if (costOf(one, given) <= cost) expect(one.hasRoom).toBe(false);
        }
      }),
    );
  });

  test("with the cheaper one open, the other starts early enough to keep every deadline", () => {
    const backlog = fc.record({
      length: fc.integer({ min: 1, max: 20_000 }),
      latencyMs: fc.integer({ min: 1, max: 1_000 }),
      patienceMs: fc.constantFrom(2_000, 15_000, 30_000),
      spacingMs: fc.double({ min: 0, max: 4, noNaN: true }),
    });
    fc.assert(
      fc.property(backlog, ({ length, latencyMs, patienceMs, spacingMs }) => {
        const router = routerOf(CONTEST, { patienceMs });
        latency(router, 1, latencyMs);
        open(router, 0);
        const rate = router.lane(1).ratePerMs;
        // All payments are there at the start: the test does not ask for what could not be in time at once.
        fc.pre(latencyMs + length / rate + 2 * MARGIN_MS < patienceMs);
        let taken = 0;
        let nowMs = 0;
        const queue = () => ({
          length: length - taken,
          deadlineMsAt: (position: number) => patienceMs + (taken + position) * spacingMs,
        });
        let sentAhead = 0;
        for (; taken < length; nowMs += 10) {
          if (router.pick(nowMs, queue()) === null) continue;
          // A turn is ten milliseconds at the rate that the router counts on.
          for (sentAhead += rate * 10; sentAhead >= 1 && taken < length; sentAhead--) {
            const settledAtMs = nowMs + 10 + latencyMs;
            expect(settledAtMs).toBeLessThanOrEqual(patienceMs + taken * spacingMs);
            taken++;
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
