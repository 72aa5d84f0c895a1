/** Tests payments that are late already, and lanes that are as if they were not there. */
import { describe, expect, test } from "bun:test";
import type { Waiting } from "../router.ts";
import {
  CONTEST,
  failed,
  MARGIN_MS,
  NOW_MS,
  OPEN_MS,
  open,
  routerOf as routerWith,
  type NumberedRouter,
} from "./router.fixture.ts";

const routerOf = (patienceMs = 15_000) => routerWith(CONTEST, { patienceMs });

/** Queue of one payment with so much time left. */
function waiting(leftMs: number): Waiting {
  return { length: 1, deadlineMsAt: () => NOW_MS + leftMs };
}

const chosen = (router: NumberedRouter, leftMs: number) =>
  router.pick(NOW_MS, waiting(leftMs))?.name ?? "wait";

test("a drained lane gets neither a payment nor a trial, and nobody waits for it", () => {
  const router = routerOf();
  router.lane(0).mode = "drained";
  expect(chosen(router, 15_000)).toBe("fallback");
  for (const lane of [0, 1]) open(router, lane);
  expect(router.trial(NOW_MS, waiting(15_000))).toEqual({ lane: 1, needed: false });
  router.lane(1).mode = "drained";
  expect(router.trial(NOW_MS, waiting(-1))).toBeNull();
  expect(chosen(router, -1)).toBe("wait");
});

describe("late payments", () => {
  /** Makes a router whose cheaper lane works and is full, and settles one more within its latency. */
  const fullOf = (latencyMs: number, patienceMs: number) => {
    const router = routerOf(patienceMs);
    router.lane(0).recordHealth(0, { failing: false, minResponseTimeMs: latencyMs });
    while (router.lane(0).hasRoom) router.admit(0, 0);
    return router;
  };

  test("wait a moment for a cheaper one that works, and no longer", () => {
    for (const leftMs of [0, -1, -3_600_000]) {
      expect(chosen(fullOf(3_000 - MARGIN_MS, 15_000), leftMs)).toBe("wait");
      expect(chosen(fullOf(3_001 - MARGIN_MS, 15_000), leftMs)).toBe("fallback");
    }
  });

  test("wait no longer than their patience was", () => {
    // A quarter of a second's patience is margin.
    expect(chosen(fullOf(750, 1_000), -1)).toBe("wait");
    expect(chosen(fullOf(751, 1_000), -1)).toBe("fallback");
  });

  test("do not wait for one that is full when they have no patience, however quick it says it is", () => {
    expect(chosen(fullOf(0, 0), 0)).toBe("fallback");
    expect(chosen(fullOf(0, 0), -1)).toBe("fallback");
  });

  test("do not wait for one that is open", () => {
    const router = routerOf();
    open(router, 0);
    expect(chosen(router, -1)).toBe("fallback");
  });

  test("bring back a cheaper one whose health says that it works, where none ever waits for it", () => {
    const router = routerOf(0);
    open(router, 0);
    router.lane(0).recordHealth(0, { failing: false, minResponseTimeMs: 0 });
    expect(chosen(router, 0)).toBe("default");
    router.admit(NOW_MS, 0);
    // Each reading invites one.
    expect(chosen(router, 0)).toBe("fallback");
  });

  test("bring back a cheaper one that says nothing of its health, by one payment in five seconds", () => {
    const router = routerOf(0);
    open(router, 0);
    const picked = (atMs: number) =>
      router.pick(atMs, { length: 1, deadlineMsAt: () => atMs })?.name;
    expect(picked(OPEN_MS + 4_999)).toBe("fallback");
    expect(picked(OPEN_MS + 5_000)).toBe("default");
    router.admit(OPEN_MS + 5_000, 0);
    expect(picked(OPEN_MS + 5_001)).toBe("fallback");
  });

  test("leave that to the newest that waits, where several do", () => {
    const router = routerOf();
    open(router, 0);
    router.lane(0).recordHealth(0, { failing: false, minResponseTimeMs: 0 });
    const two = { length: 2, deadlineMsAt: () => NOW_MS - 1 };
    expect(router.pick(NOW_MS, two)?.name).toBe("fallback");
  });
});

describe("one that rests", () => {
  /** Eight of its lane's payments are settled a second. */
  const SLOW = { latencyMs: 1_000, everyMs: 125 };
  const WAITING = 16;
  /** The last one waits for fifteen. */
  const NEEDED_MS = SLOW.latencyMs + (WAITING - 1) * SLOW.everyMs + MARGIN_MS;

  function restingOf(restMs: number, processors = CONTEST, resting = 0): NumberedRouter {
    const router = routerWith(processors, { inFlightMax: 32 });
    const turnedAway = { signal: "none", latencyMs: 1, dropped: false, cause: "429" } as const;
    for (const [number, lane] of router.lanes.entries()) {
      const minResponseTimeMs = number === 0 ? 1 : SLOW.latencyMs;
      lane.recordHealth(0, { failing: false, minResponseTimeMs });
    }
    const report = { ...turnedAway, restMs: NOW_MS + restMs };
    router.record(0, resting, router.admit(0, resting), report);
    return router;
  }
  const picked = (router: NumberedRouter, leftMs: number) =>
    router.pick(NOW_MS, { length: WAITING, deadlineMsAt: () => NOW_MS + leftMs })?.name ?? "wait";

  test.each([1, 1_000, 60_000])(
    "is not counted on, for it may turn calls away again, however quick it is: in %d ms",
    (restMs) => {
      const router = restingOf(restMs);
      expect(picked(router, NEEDED_MS + 1)).toBe("wait");
      expect(picked(router, NEEDED_MS)).toBe("fallback");
    },
  );

  test("is not waited for by late payments: it may turn calls away for ever", () => {
    const late = { length: WAITING, deadlineMsAt: () => NOW_MS - 1 };
    expect(restingOf(1).pick(NOW_MS, late)?.name ?? "wait").toBe("fallback");
  });

  test("is no reason for a late payment to avoid one in doubt", () => {
    const router = restingOf(10_000, CONTEST, 1);
    router.record(NOW_MS, 0, router.admit(NOW_MS, 0), failed);
    expect(chosen(router, -1)).toBe("default");
  });

  test("takes none off the others of its fee", () => {
    const twins = [...CONTEST, { name: "twin", fee: CONTEST[1]!.fee }];
    const router = restingOf(60_000, twins, 2);
    open(router, 0);
    expect(picked(router, NEEDED_MS + 1)).toBe("wait");
    expect(picked(router, NEEDED_MS)).toBe("fallback");
  });
});
