import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isDue, Router, type Ticket, type Waiting } from "./router.ts";

const CONTEST = [
  { name: "default", fee: 0.05 },
  { name: "fallback", fee: 0.15 },
];
const MARGIN_MS = 500;
const NOW_MS = 100_000;
const SLACK = { marginMs: MARGIN_MS, lateWaitMs: 3_000 };

function routerOf(
  processors: readonly { name: string; fee: number }[] = CONTEST,
  { inFlightMax = 640, patienceMs = 15_000 } = {},
): Router {
  return new Router(0, { processors, inFlightMax, patienceMs });
}

const failed = { signal: "failure", latencyMs: 5, dropped: false, cause: "500" } as const;
const answered = (latencyMs: number) =>
  ({ signal: "success", latencyMs, dropped: false, cause: "200" }) as const;

function open(router: Router, lane: number): void {
  for (let i = 0; i < 5; i++) router.record(0, lane, router.admit(0, lane), failed);
}

function halfOpen(router: Router, lane: number): void {
  open(router, lane);
  router.record(0, lane, router.admit(0, lane), answered(router.lane(lane).latencyMs));
}

function fill(router: Router, lane: number): Ticket[] {
  const tickets: Ticket[] = [];
  while (router.lane(lane).hasRoom) tickets.push(router.admit(0, lane));
  return tickets;
}

function latency(router: Router, lane: number, latencyMs: number): void {
  router.lane(lane).recordHealth(0, { failing: false, minResponseTimeMs: latencyMs });
}

/** So many payments, the first with so much time left, the others `spacingMs` apart. */
function waiting(length: number, leftMs: number, spacingMs = 0): Waiting {
  return { length, deadlineMsAt: (position) => NOW_MS + leftMs + position * spacingMs };
}

const chosen = (router: Router, queue: Waiting) => {
  const decision = router.choose(NOW_MS, queue);
  return decision.kind === "send" ? router.lane(decision.lane).name : "wait";
};

describe("the cheapest", () => {
  test("that works and has room is chosen, in whatever order it was configured", () => {
    expect(chosen(routerOf(), waiting(1, 15_000))).toBe("default");
    expect(chosen(routerOf(CONTEST.toReversed()), waiting(1, 15_000))).toBe("default");
  });

  test("is chosen however late and however many the payments are", () => {
    expect(chosen(routerOf(), waiting(100_000, -60_000))).toBe("default");
  });

  test("of equal fees is the one configured first", () => {
    const twins = [
      { name: "a", fee: 0.1 },
      { name: "b", fee: 0.1 },
    ];
    expect(chosen(routerOf(twins), waiting(1, 15_000))).toBe("a");
  });

  test("is waited for while it is full and keeps every deadline", () => {
    const router = routerOf();
    fill(router, 0);
    expect(router.choose(NOW_MS, waiting(1, 15_000))).toEqual({
      kind: "wait",
      why: "default is expected in time",
    });
  });

  test("alone is all there is to wait for", () => {
    const router = routerOf([{ name: "only", fee: 0.05 }]);
    open(router, 0);
    expect(router.choose(NOW_MS, waiting(1, -5_000))).toEqual({
      kind: "wait",
      why: "no processor takes a payment at the moment",
    });
  });
});

describe("one that wants to be left alone", () => {
  const asks = (router: Router, lane: number, restMs: number) => {
    const report = { signal: "none", latencyMs: 1, dropped: true, cause: "429", restMs } as const;
    router.record(NOW_MS, lane, router.admit(NOW_MS, lane), report);
  };

  test("is waited for while it keeps every deadline", () => {
    const router = routerOf();
    latency(router, 0, 100);
    asks(router, 0, 5_000);
    expect(chosen(router, waiting(1, 5_000 + 100 + MARGIN_MS))).toBe("wait");
    expect(router.choose(NOW_MS + 5_000, waiting(1, 15_000)).kind).toBe("send");
  });

  test("is not waited for by a payment that would be late, or is", () => {
    const router = routerOf();
    latency(router, 0, 100);
    latency(router, 1, 40);
    asks(router, 0, 5_000);
    expect(chosen(router, waiting(1, 40 + MARGIN_MS))).toBe("fallback");
    expect(chosen(router, waiting(1, -1))).toBe("fallback");
    expect(router.choose(NOW_MS, waiting(1, -1)).why).toBe(
      "waiting would break a deadline: default rests",
    );
  });

  test("and is the dearer one is due as much earlier", () => {
    const router = routerOf();
    open(router, 0);
    latency(router, 1, 40);
    asks(router, 1, 2_000);
    const queue = waiting(1, 2_000 + 40 + MARGIN_MS);
    expect(chosen(router, queue)).toBe("wait");
    expect(router.trialLane(NOW_MS, queue)).toEqual({ lane: 0, needed: false });
    expect(isDue(NOW_MS, queue, [router.lane(0)], router.lane(1), SLACK)).toBe(true);
    expect(isDue(NOW_MS + 1_999, queue, [router.lane(0)], router.lane(1), SLACK)).toBe(true);
  });

  test("gets no trial", () => {
    const router = routerOf([{ name: "only", fee: 0.05 }]);
    open(router, 0);
    asks(router, 0, 5_000);
    const queue = waiting(1, 15_000);
    expect(router.trialLane(NOW_MS + 4_999, queue)).toBeNull();
    expect(router.trialLane(NOW_MS + 5_000, queue)).toEqual({ lane: 0, needed: false });
  });

  test("does not slow down another that is cheaper as well", () => {
    const three = [...CONTEST, { name: "last", fee: 0.3 }];
    const router = routerOf(three);
    latency(router, 0, 100);
    latency(router, 1, 40);
    asks(router, 0, 10_000);
    const lanes = [router.lane(0), router.lane(1)];
    const queue = waiting(1, 40 + MARGIN_MS + 60);
    expect(isDue(NOW_MS, queue, lanes, router.lane(2), SLACK)).toBe(false);
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

  test("says why it was chosen", () => {
    const decision = withDefault("open").choose(NOW_MS, waiting(1, 0));
    expect(decision.why).toBe("waiting would break a deadline: default is open");
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
    const router = routerOf([...CONTEST, { name: "dearest", fee: 0.3 }]);
    for (const lane of [0, 1, 2]) latency(router, lane, 40);
    open(router, 0);
    expect(chosen(router, waiting(1, 40 + MARGIN_MS))).toBe("fallback");
    open(router, 1);
    expect(chosen(router, waiting(1, 40 + MARGIN_MS + 1))).toBe("wait");
    expect(chosen(router, waiting(1, 40 + MARGIN_MS))).toBe("dearest");
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
    expect(router.trialLane(NOW_MS, waiting(10, 15_000))).toEqual({ lane: 0, needed: false });
  });

  test("go to a dearer one only when payments need it, with the oldest", () => {
    const router = routerOf();
    for (const lane of [0, 1]) open(router, lane);
    expect(router.trialLane(NOW_MS, waiting(1, 0))).toEqual({ lane: 0, needed: false });
    router.admit(NOW_MS, 0);
    expect(router.trialLane(NOW_MS, waiting(1, 15_000))).toBeNull();
    expect(router.trialLane(NOW_MS, waiting(1, 0))).toEqual({ lane: 1, needed: true });
  });

  test("are not needed while a cheaper or a due one has room", () => {
    const router = routerOf();
    expect(router.trialLane(NOW_MS, waiting(1, 0))).toBeNull();
    open(router, 0);
    router.admit(NOW_MS, 0);
    expect(router.trialLane(NOW_MS, waiting(1, 0))).toBeNull();
  });

  test("are spaced by the breaker", () => {
    const router = routerOf();
    open(router, 0);
    expect(router.trialLane(49, waiting(1, 0))).toBeNull();
    expect(router.trialLane(50, waiting(1, 15_000))).toEqual({ lane: 0, needed: false });
  });
});

describe("in whatever state the processors are", () => {
  const STATES = ["idle", "full", "open", "half-open", "half-open and full"] as const;
  const lane = fc.record({
    fee: fc.integer({ min: 0, max: 30 }).map((percent) => percent / 100),
    latencyMs: fc.integer({ min: 0, max: 3_000 }),
    state: fc.constantFrom(...STATES),
  });
  const world = fc.record({
    lanes: fc.oneof(...[1, 2, 5].map((n) => fc.array(lane, { minLength: n, maxLength: n }))),
    patienceMs: fc.constantFrom(0, 100, 1_000, 15_000, 30_000),
    length: fc.integer({ min: 1, max: 20_000 }),
    leftMs: fc.integer({ min: -5_000, max: 30_000 }),
    spacingMs: fc.double({ min: 0, max: 5, noNaN: true }),
  });
  type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

  function build({ lanes, patienceMs }: World): Router {
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
  const marginOf = ({ patienceMs }: World) => Math.min(MARGIN_MS, patienceMs / 4);

  test("a payment goes only where there is room", () => {
    fc.assert(
      fc.property(world, (given) => {
        const router = build(given);
        const decision = router.choose(NOW_MS, queueOf(given));
        if (decision.kind === "send") expect(router.lane(decision.lane).hasRoom).toBe(true);
        expect(decision.why).not.toBe("");
      }),
    );
  });

  test("the cheapest gets it when it has room", () => {
    fc.assert(
      fc.property(world, (given) => {
        const router = build(given);
        const cheapest = router.byFee[0] as number;
        const decision = router.choose(NOW_MS, queueOf(given));
        if (router.lane(cheapest).hasRoom) {
          expect(decision).toMatchObject({ kind: "send", lane: cheapest });
        }
      }),
    );
  });

  test("nobody dearer gets it while a cheaper one with room would do", () => {
    fc.assert(
      fc.property(world, (given) => {
        const router = build(given);
        const decision = router.choose(NOW_MS, queueOf(given));
        if (decision.kind === "wait") return;
        const { fee } = router.lane(decision.lane);
        for (const other of router.lanes) if (other.fee < fee) expect(other.hasRoom).toBe(false);
      }),
    );
  });

  test("nobody dearer gets it while waiting for the cheaper ones keeps all deadlines", () => {
    fc.assert(
      fc.property(world, (given) => {
        const router = build(given);
        const queue = queueOf(given);
        const decision = router.choose(NOW_MS, queue);
        if (decision.kind === "wait" || decision.lane === router.byFee[0]) return;
        const before = router.byFee.slice(0, router.byFee.indexOf(decision.lane));
        const cheaper = before.map((number) => router.lane(number));
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
        const trial = router.trialLane(NOW_MS, queueOf(given));
        if (trial === null) return;
        expect(router.lane(trial.lane).breaker.kind).toBe("open");
        expect(trial.needed).toBe(trial.lane !== router.byFee[0]);
        const before = router.byFee.slice(0, router.byFee.indexOf(trial.lane));
        for (const number of before) expect(router.lane(number).hasRoom).toBe(false);
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
        // All of them are there at the start: what could not be in time at once is not asked for.
        fc.pre(latencyMs + length / rate + 2 * MARGIN_MS < patienceMs);
        let taken = 0;
        let nowMs = 0;
        const queue = () => ({
          length: length - taken,
          deadlineMsAt: (position: number) => patienceMs + (taken + position) * spacingMs,
        });
        let sentAhead = 0;
        for (; taken < length; nowMs += 10) {
          if (router.choose(nowMs, queue()).kind === "wait") continue;
          // Ten milliseconds at the rate that the router counts on.
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

test("whether a lane is due is asked at no more than 17 positions of the queue", () => {
  const router = routerOf();
  open(router, 0);
  let asked = 0;
  const queue = { length: 1_000_000, deadlineMsAt: () => (asked++, NOW_MS + 1e9) };
  expect(
    isDue(NOW_MS, queue, [router.lane(0)], router.lane(1), { marginMs: MARGIN_MS, lateWaitMs: 0 }),
  ).toBe(false);
  expect(asked).toBe(17);
});
