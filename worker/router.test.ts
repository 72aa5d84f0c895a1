import { describe, expect, test } from "bun:test";
import { shareOf, type Tariff } from "../shared/tariff.ts";
import { isDue } from "./router.ts";
import {
  CONTEST,
  MARGIN_MS,
  NOW_MS,
  OPEN_MS,
  SLACK,
  type NumberedRouter,
  routerOf,
  failed,
  answered,
  open,
  fill,
  latency,
  waiting,
  chosen,
} from "./router/router.fixture.ts";

describe("the cheapest", () => {
  test("that works and has room is chosen, in whatever order it was configured", () => {
    expect(chosen(routerOf(), waiting(1, 15_000))).toBe("default");
    expect(chosen(routerOf(CONTEST.toReversed()), waiting(1, 15_000))).toBe("default");
  });

  test("is chosen however late and however many the payments are", () => {
    expect(chosen(routerOf(), waiting(100_000, -60_000))).toBe("default");
  });

  test("is waited for while it is full and keeps every deadline", () => {
    const router = routerOf();
    fill(router, 0);
    expect(router.pick(NOW_MS, waiting(1, 15_000))).toBeNull();
  });

  test("alone is all there is to wait for", () => {
    const router = routerOf([{ name: "only", fee: shareOf(0.05) }]);
    open(router, 0);
    expect(router.pick(NOW_MS, waiting(1, -5_000))).toBeNull();
  });
});

describe("one that wants to be left alone", () => {
  const asks = (router: NumberedRouter, lane: number, restMs: number) => {
    const report = { signal: "none", latencyMs: 1, dropped: true, cause: "429", restMs } as const;
    router.record(NOW_MS, lane, router.admit(NOW_MS, lane), report);
  };

  test("is waited for while it keeps every deadline", () => {
    const router = routerOf();
    latency(router, 0, 100);
    asks(router, 0, 5_000);
    expect(chosen(router, waiting(1, 5_000 + 100 + MARGIN_MS))).toBe("wait");
    expect(router.pick(NOW_MS + 5_000, waiting(1, 15_000))).toBe(router.lane(0));
  });

  test("is not waited for by a payment that would be late, or is", () => {
    const router = routerOf();
    latency(router, 0, 100);
    latency(router, 1, 40);
    asks(router, 0, 5_000);
    expect(chosen(router, waiting(1, 40 + MARGIN_MS))).toBe("fallback");
    expect(chosen(router, waiting(1, -1))).toBe("fallback");
    expect(router.lane(0).breaker.kind).toBe("closed");
  });

  test("is not waited for because it is quick when it does not rest", () => {
    const router = routerOf();
    latency(router, 0, 20);
    latency(router, 1, 40);
    expect(
      isDue(NOW_MS, waiting(1, 40 + MARGIN_MS), [router.lane(0)], [router.lane(1)], SLACK),
    ).toBe(false);
    asks(router, 0, 5_000);
    expect(chosen(router, waiting(1, 40 + MARGIN_MS))).toBe("fallback");
  });

  test("and is the dearer one is due as much earlier", () => {
    const router = routerOf();
    open(router, 0);
    latency(router, 1, 40);
    asks(router, 1, 2_000);
    const queue = waiting(1, 2_000 + 40 + MARGIN_MS);
    expect(chosen(router, queue)).toBe("wait");
    expect(router.trial(NOW_MS, queue)).toEqual({ lane: 0, needed: false });
    expect(isDue(NOW_MS, queue, [router.lane(0)], [router.lane(1)], SLACK)).toBe(true);
    expect(isDue(NOW_MS + 1_999, queue, [router.lane(0)], [router.lane(1)], SLACK)).toBe(true);
  });

  test("gets no trial", () => {
    const router = routerOf([{ name: "only", fee: shareOf(0.05) }]);
    open(router, 0);
    asks(router, 0, 5_000);
    const queue = waiting(1, 15_000);
    expect(router.trial(NOW_MS + 4_999, queue)).toBeNull();
    expect(router.trial(NOW_MS + 5_000, queue)).toEqual({ lane: 0, needed: false });
  });

  test("does not slow down another that is cheaper as well", () => {
    const three = [...CONTEST, { name: "last", fee: shareOf(0.3) }];
    const router = routerOf(three);
    latency(router, 0, 100);
    latency(router, 1, 40);
    asks(router, 0, 10_000);
    const lanes = [router.lane(0), router.lane(1)];
    const queue = waiting(1, 40 + MARGIN_MS + 60);
    expect(isDue(NOW_MS, queue, lanes, [router.lane(2)], SLACK)).toBe(false);
  });
});

describe("the dearer one", () => {
  const withDefault = (state: "open" | "full") => {
    const router = routerOf();
    latency(router, 0, 100);
    latency(router, 1, 40);
    if (state === "open") open(router, 0);
    else fill(router, 0);
    return router;
  };

  test("takes over from an open one at the last moment, and not before", () => {
    const router = withDefault("open");
    expect(chosen(router, waiting(1, 40 + MARGIN_MS + 1))).toBe("wait");
    expect(chosen(router, waiting(1, 40 + MARGIN_MS))).toBe("fallback");
  });

  test("gets from an open one what has no time left", () => {
    const router = withDefault("open");
    expect(router.pick(NOW_MS, waiting(1, 0))).toBe(router.lane(1));
  });

  test("starts earlier by the time that the backlog takes", () => {
    const router = withDefault("open");
    const rate = router.lane(1).ratePerMs;
    expect(rate).toBe(160 / 40);
    // Its limit of 8 doubles once a latency until it is the 160 that the rate counts on.
    const rampMs = 40 * Math.log2(160 / 8);
    const neededMs = Math.floor(40 + rampMs + 8_000 / rate + MARGIN_MS);
    expect(chosen(router, waiting(8_001, neededMs + 1))).toBe("wait");
    expect(chosen(router, waiting(8_001, neededMs))).toBe("fallback");
  });

  test("is not needed for a backlog whose later payments have more time", () => {
    const router = withDefault("open");
    expect(chosen(router, waiting(8_001, 600, 1))).toBe("wait");
    expect(chosen(router, waiting(8_001, 600, 0.2))).toBe("fallback");
  });

  test("takes over from a full one when that alone would be too late", () => {
    const router = withDefault("full");
    expect(chosen(router, waiting(1, 100 + MARGIN_MS))).toBe("wait");
    expect(chosen(router, waiting(1, 100 + MARGIN_MS - 1))).toBe("wait");
    expect(chosen(router, waiting(1, 40 + MARGIN_MS))).toBe("fallback");
  });

  test("counts on both from then on", () => {
    const router = withDefault("full");
    const both = router.lane(0).ratePerMs + router.lane(1).ratePerMs;
    const atMs = MARGIN_MS + Math.floor(router.lane(1).settlesInMs(8_000, both));
    expect(chosen(router, waiting(8_001, atMs + 1))).toBe("wait");
    expect(chosen(router, waiting(8_001, atMs))).toBe("fallback");
  });

  test("of three, the second comes before the third", () => {
    const router = routerOf([...CONTEST, { name: "dearest", fee: shareOf(0.3) }]);
    for (const lane of [0, 1, 2]) latency(router, lane, 40);
    open(router, 0);
    expect(chosen(router, waiting(1, 40 + MARGIN_MS))).toBe("fallback");
    open(router, 1);
    expect(chosen(router, waiting(1, 40 + MARGIN_MS + 1))).toBe("wait");
    expect(chosen(router, waiting(1, 40 + MARGIN_MS))).toBe("dearest");
  });
});

describe("those of the same fee", () => {
  const TRIPLETS = ["a", "b", "c"].map((name) => ({ name, fee: shareOf(0.1) }));
  const tripletsOf = (more: readonly { name: string; fee: Tariff }[] = []) => {
    const router = routerOf([...TRIPLETS, ...more]);
    for (const lane of router.lanes.keys()) latency(router, lane, 40);
    return router;
  };
  /** Sends so many payments, and counts how many each lane got. */
  const share = (router: NumberedRouter, count: number) => {
    const got = router.lanes.map(() => 0);
    for (let i = 0; i < count; i++) {
      const lane = router.pick(NOW_MS, waiting(1, 15_000));
      if (lane === null) throw new Error("nobody takes it");
      got[router.lanes.indexOf(lane)]!++;
      lane.admit(NOW_MS);
    }
    return got;
  };

  test("share what comes, by how full each is", () => {
    expect(share(tripletsOf(), 12)).toEqual([4, 4, 4]);
    const slower = tripletsOf();
    latency(slower, 1, 80);
    expect(share(slower, 10)).toEqual([4, 2, 4]);
  });

  test("take it from one that is far slower, until they are full", () => {
    const router = tripletsOf();
    latency(router, 0, 1_000);
    expect(share(router, 18)).toEqual([2, 8, 8]);
  });

  test("do not wait for one of them that is open", () => {
    const router = tripletsOf();
    open(router, 0);
    expect(share(router, 4)).toEqual([0, 2, 2]);
  });

  test("are preferred to a dearer one as long as one of them works in time", () => {
    const router = tripletsOf([{ name: "dearest", fee: shareOf(0.3) }]);
    open(router, 0);
    fill(router, 1);
    fill(router, 2);
    expect(chosen(router, waiting(1, 15_000))).toBe("wait");
    expect(chosen(router, waiting(1, 40 + MARGIN_MS - 1))).toBe("dearest");
  });

  test("one that is open is tried when its health probe says so, or when the others have no room", () => {
    const router = tripletsOf();
    open(router, 0);
    router.lane(0).recordHealth(NOW_MS, { failing: false, minResponseTimeMs: 40 });
    expect(router.lane(0).isInvited(NOW_MS)).toBe(true);
    expect(router.pick(NOW_MS, waiting(1, 15_000))).toBe(router.lane(0));
    const ticket = router.admit(NOW_MS, 0);
    expect(chosen(router, waiting(1, 15_000))).toBe("b");
    expect(router.lane(0).breaker.kind).toBe("open");
    router.record(NOW_MS, 0, ticket, answered(40));
    expect(router.lane(0).breaker.kind).toBe("half-open");

    const full = tripletsOf();
    open(full, 0);
    fill(full, 1);
    expect(full.trial(NOW_MS, waiting(1, 15_000))).toBeNull();
    fill(full, 2);
    expect(full.trial(NOW_MS, waiting(1, 15_000))).toEqual({ lane: 0, needed: false });
  });

  test("one that is open and says nothing of its health is tried once in five seconds", () => {
    const router = tripletsOf();
    open(router, 0);
    const picked = (afterMs: number) => router.pick(OPEN_MS + afterMs, waiting(1, 60_000))?.name;
    expect(picked(4_999)).toBe("b");
    expect(picked(5_000)).toBe("a");
    const ticket = router.admit(OPEN_MS + 5_000, 0);
    // It hangs, and is not tried again.
    expect(picked(15_000)).toBe("b");
    router.record(OPEN_MS + 15_000, 0, ticket, failed);
    expect(picked(15_000)).toBe("a");
    router.lane(0).recordHealth(OPEN_MS + 16_000, { failing: true, minResponseTimeMs: 40 });
    expect(picked(30_999)).toBe("b");
    expect(picked(31_000)).toBe("a");
  });

  test("one that has just failed comes after those that have not", () => {
    const router = tripletsOf();
    router.record(NOW_MS, 0, router.admit(NOW_MS, 0), failed);
    expect(share(router, 4)).toEqual([0, 2, 2]);
  });

  test("one that is drained is passed over", () => {
    const router = tripletsOf();
    router.lane(1).mode = "drained";
    expect(share(router, 4)).toEqual([2, 0, 2]);
  });
});

describe("a payment that is late", () => {
  const fail = (router: NumberedRouter, lane: number, atMs = NOW_MS) =>
    router.record(atMs, lane, router.admit(atMs, lane), failed);

  test("goes past the cheapest that has just failed, while another one works", () => {
    const router = routerOf();
    fail(router, 0);
    expect(router.lane(0).breaker.kind).toBe("closed");
    expect(chosen(router, waiting(1, 1))).toBe("default");
    expect(chosen(router, waiting(1, 0))).toBe("fallback");
    expect(chosen(router, waiting(50, -60_000, 5_000))).toBe("fallback");
  });

  test("waits for the other one that works and is full, and takes what there is if none does", () => {
    const router = routerOf();
    fail(router, 0);
    const tickets = fill(router, 1);
    expect(chosen(router, waiting(1, -1))).toBe("wait");
    router.record(NOW_MS, 1, tickets[0]!, failed);
    expect(chosen(router, waiting(1, -1))).toBe("default");
    const drained = routerOf();
    fail(drained, 0);
    drained.lane(1).mode = "drained";
    expect(chosen(drained, waiting(1, -1))).toBe("default");
  });

  test("trusts it again after a success, a health reading, or two seconds", () => {
    const success = routerOf();
    fail(success, 0);
    success.record(NOW_MS, 0, success.admit(NOW_MS, 0), answered(5));
    expect(chosen(success, waiting(1, -1))).toBe("default");

    const read = routerOf();
    fail(read, 0);
    read.lane(0).recordHealth(NOW_MS, { failing: false, minResponseTimeMs: 5 });
    expect(chosen(read, waiting(1, -1))).toBe("default");

    const later = routerOf();
    fail(later, 0, NOW_MS - 2_000);
    expect(chosen(later, waiting(1, -1))).toBe("default");
    const soon = routerOf();
    fail(soon, 0, NOW_MS - 1_999);
    expect(chosen(soon, waiting(1, -1))).toBe("fallback");
  });

  test("goes to one that is forced whatever it answered", () => {
    const router = routerOf();
    fail(router, 0);
    router.lane(0).mode = "forced";
    expect(chosen(router, waiting(1, -1))).toBe("default");
  });
});

describe("patience", () => {
  test("of nothing sends to the first that has room", () => {
    const router = routerOf(CONTEST, { patienceMs: 0 });
    expect(chosen(router, waiting(1, 0))).toBe("default");
    fill(router, 0);
    expect(chosen(router, waiting(1, 0))).toBe("fallback");
    fill(router, 1);
    expect(chosen(router, waiting(1, 0))).toBe("wait");
  });

  test("that is short gives away a quarter of itself as margin", () => {
    const router = routerOf(CONTEST, { patienceMs: 400 });
    latency(router, 1, 40);
    open(router, 0);
    expect(chosen(router, waiting(1, 141))).toBe("wait");
    expect(chosen(router, waiting(1, 140))).toBe("fallback");
  });
});

describe("trials", () => {
  test("go to the cheapest open one, with a payment that can wait", () => {
    const router = routerOf();
    open(router, 0);
    open(router, 1);
    expect(router.trial(NOW_MS, waiting(10, 15_000))).toEqual({ lane: 0, needed: false });
  });

  test("go to a dearer one only when payments need it, with the oldest", () => {
    const router = routerOf();
    for (const lane of [0, 1]) open(router, lane);
    expect(router.trial(NOW_MS, waiting(1, 0))).toEqual({ lane: 0, needed: false });
    router.admit(NOW_MS, 0);
    expect(router.trial(NOW_MS, waiting(1, 15_000))).toBeNull();
    expect(router.trial(NOW_MS, waiting(1, 0))).toEqual({ lane: 1, needed: true });
  });

  test("are not needed while a cheaper or a due one has room", () => {
    const router = routerOf();
    expect(router.trial(NOW_MS, waiting(1, 0))).toBeNull();
    open(router, 0);
    router.admit(NOW_MS, 0);
    expect(router.trial(NOW_MS, waiting(1, 0))).toBeNull();
  });

  test("are spaced by the breaker", () => {
    const router = routerOf();
    open(router, 0);
    expect(router.trial(OPEN_MS + 49, waiting(1, 0))).toBeNull();
    expect(router.trial(OPEN_MS + 50, waiting(1, 15_000))).toEqual({ lane: 0, needed: false });
  });
});

test("whether a lane is due is asked once when the last in the queue is in time for the first", () => {
  const router = routerOf();
  let asked = 0;
  const queue = { length: 10, deadlineMsAt: () => (asked++, NOW_MS + 1e9) };
  const slack = { marginMs: MARGIN_MS, lateWaitMs: 0 };
  expect(isDue(NOW_MS, queue, [router.lane(0)], [router.lane(1)], slack)).toBe(false);
  expect(asked).toBe(1);
});

test("whether a lane is due is asked at no more than 17 positions of the queue, and twice at the first", () => {
  const router = routerOf();
  open(router, 0);
  let asked = 0;
  const queue = { length: 1_000_000, deadlineMsAt: () => (asked++, NOW_MS + 1e9) };
  expect(
    isDue(NOW_MS, queue, [router.lane(0)], [router.lane(1)], {
      marginMs: MARGIN_MS,
      lateWaitMs: 0,
    }),
  ).toBe(false);
  expect(asked).toBe(18);
});
