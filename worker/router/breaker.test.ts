import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  Breaker,
  BREAKER_DEFAULTS,
  shouldTrip,
  type OnChange,
  type Signal,
  type Ticket,
} from "./breaker.ts";

type Change = Parameters<OnChange>;

/** Keeps the changes that the breaker reports. */
class Watched extends Breaker {
  readonly #changes: Change[];

  constructor(nowMs: number) {
    const changes: Change[] = [];
    super(nowMs, (...change) => changes.push(change));
    this.#changes = changes;
  }

  /** Takes the changes since the last time. */
  takeChanges(): Change[] {
    return this.#changes.splice(0);
  }
}

function answer(breaker: Watched, nowMs: number, ticket: Ticket, signal: Signal): Change[] {
  breaker.record(nowMs, ticket, signal, "the cause");
  return breaker.takeChanges();
}

/** Records a reading of the health probe, and gives the changes that it makes. */
function read(breaker: Watched, nowMs: number, failing: boolean): Change[] {
  breaker.recordHealth(nowMs, failing, "the reading");
  return breaker.takeChanges();
}

/** Makes one call after the other, each answered at once. */
function feed(breaker: Watched, nowMs: number, ...signals: Signal[]): Watched {
  for (const signal of signals) answer(breaker, nowMs, breaker.admit(nowMs), signal);
  return breaker;
}

const times = (count: number, signal: Signal): Signal[] => new Array<Signal>(count).fill(signal);
const opened = (nowMs = 0) => feed(new Watched(nowMs), nowMs, ...times(5, "failure"));
const halfOpened = (nowMs = 0) => feed(opened(nowMs), nowMs, "success");

describe("closed", () => {
  test("admits everything and no trial", () => {
    const breaker = new Watched(0);
    expect(breaker.state.kind).toBe("closed");
    for (let i = 0; i < 1_000; i++) breaker.admit(0);
    expect(breaker.admits).toBe(true);
    expect(breaker.admitsTrial(1e9)).toBe(false);
  });

  test("opens at the fifth failure in a row, and says why", () => {
    const breaker = feed(new Watched(0), 7, ...times(4, "failure"));
    expect(breaker.state.kind).toBe("closed");
    const changes = answer(breaker, 8, breaker.admit(8), "failure");
    expect(changes).toEqual([["closed", "open", "the cause"]]);
    expect(breaker.state).toMatchObject({ kind: "open", nextTrialAtMs: 58 });
    expect(breaker.admits).toBe(false);
  });

  test("counts failures in a row anew after a success", () => {
    const breaker = new Watched(0);
    feed(breaker, 0, ...times(4, "failure"), "success", ...times(4, "failure"));
    expect(breaker.state.kind).toBe("closed");
  });

  test("an answer that says nothing neither ends a row nor adds to it", () => {
    const breaker = feed(new Watched(0), 0, ...times(4, "failure"), "none", "none");
    expect(breaker.state.kind).toBe("closed");
    expect(feed(breaker, 0, "failure").state.kind).toBe("open");
  });

  test("opens when half of at least twenty answers are failures", () => {
    const alternating = (count: number) =>
      Array.from({ length: count }, (_, i): Signal => (i % 2 === 0 ? "success" : "failure"));
    expect(feed(new Watched(0), 0, ...alternating(19)).state.kind).toBe("closed");
    expect(feed(new Watched(0), 0, ...alternating(20)).state.kind).toBe("open");
  });

  test("forgets the answers of the last window of five seconds", () => {
    const breaker = feed(new Watched(0), 0, ...times(9, "success"));
    feed(breaker, 4_999, ...times(4, "failure"), "success", ...times(4, "failure"));
    feed(breaker, 5_000, "success", "failure", "success", "failure");
    expect(breaker.state).toMatchObject({ kind: "closed", successes: 2, failures: 2 });
  });

  test("opens on a failing health reading; a good one changes nothing", () => {
    const breaker = new Watched(0);
    expect(read(breaker, 5, false)).toEqual([]);
    expect(read(breaker, 6, true)).toEqual([["closed", "open", "the reading"]]);
    expect(breaker.state.kind).toBe("open");
    expect(read(breaker, 7, true)).toEqual([]);
  });

  test.each([
    { consecutiveFailures: 4, successes: 0, failures: 4, trips: false },
    { consecutiveFailures: 5, successes: 100, failures: 5, trips: true },
    { consecutiveFailures: 1, successes: 9, failures: 10, trips: false },
    { consecutiveFailures: 1, successes: 10, failures: 10, trips: true },
    { consecutiveFailures: 1, successes: 11, failures: 10, trips: false },
    { consecutiveFailures: 0, successes: 0, failures: 0, trips: false },
  ])(
    "rule: $consecutiveFailures in a row, $failures of $successes + $failures: $trips",
    (given) => {
      expect(shouldTrip(given)).toBe(given.trips);
    },
  );
});

describe("open", () => {
  test("admits no payment, and the first trial after 50 ms", () => {
    const breaker = opened(1_000);
    expect(breaker.admits).toBe(false);
    expect(breaker.admitsTrial(1_049)).toBe(false);
    expect(breaker.admitsTrial(1_050)).toBe(true);
  });

  test("spaces trials twice as far each time, up to 750 ms", () => {
    const breaker = opened(0);
    const trialsAtMs: number[] = [];
    for (let nowMs = 0; nowMs < 6_000; nowMs++) {
      if (!breaker.admitsTrial(nowMs)) continue;
      trialsAtMs.push(nowMs);
      answer(breaker, nowMs, breaker.admit(nowMs), "failure");
    }
    const spacings = trialsAtMs.map((atMs, i) => atMs - (trialsAtMs[i - 1] ?? 0));
    expect(spacings).toEqual([50, 50, 100, 200, 400, 750, 750, 750, 750, 750, 750]);
  });

  test("tries on without waiting for answers, until four are unanswered", () => {
    const breaker = opened(0);
    const tickets: Ticket[] = [];
    for (let nowMs = 0; nowMs < 30_000; nowMs++) {
      if (breaker.admitsTrial(nowMs)) tickets.push(breaker.admit(nowMs));
    }
    expect(tickets).toHaveLength(4);
    answer(breaker, 30_000, tickets[2] as Ticket, "failure");
    expect(breaker.admitsTrial(30_000)).toBe(true);
  });

  test("good news from the health probe allows one trial at once, and only one", () => {
    const breaker = opened(0);
    breaker.admit(50);
    expect(breaker.admitsTrial(60)).toBe(false);
    read(breaker, 60, false);
    read(breaker, 60, false);
    expect(breaker.admitsTrial(60)).toBe(true);
    breaker.admit(60);
    expect(breaker.admitsTrial(61)).toBe(false);
  });

  test("stays open on failures, and on trials that say nothing", () => {
    const breaker = opened(0);
    expect(answer(breaker, 60, breaker.admit(50), "failure")).toEqual([]);
    expect(answer(breaker, 200, breaker.admit(150), "none")).toEqual([]);
    expect(breaker.state.kind).toBe("open");
  });

  test("becomes half-open when a trial succeeds", () => {
    const breaker = opened(0);
    const changes = answer(breaker, 60, breaker.admit(50), "success");
    expect(changes).toEqual([["open", "half-open", "the cause"]]);
    expect(breaker.state).toEqual({ kind: "half-open", inFlight: 0, successes: 1 });
  });
});

describe("half-open", () => {
  test("has room for eight calls", () => {
    const breaker = halfOpened();
    const tickets = Array.from({ length: 8 }, () => {
      expect(breaker.admits).toBe(true);
      return breaker.admit(1);
    });
    expect(breaker.admits).toBe(false);
    expect(breaker.admitsTrial(1e9)).toBe(false);
    answer(breaker, 2, tickets[0] as Ticket, "none");
    expect(breaker.admits).toBe(true);
  });

  test("closes at the third success, the trial's own counted", () => {
    const breaker = halfOpened();
    expect(answer(breaker, 1, breaker.admit(1), "success")).toEqual([]);
    const changes = answer(breaker, 2, breaker.admit(2), "success");
    expect(changes).toEqual([["half-open", "closed", "the cause"]]);
    expect(breaker.state).toEqual({
      kind: "closed",
      consecutiveFailures: 0,
      succeededAtMs: Number.NEGATIVE_INFINITY,
      windowStartMs: 2,
      successes: 0,
      failures: 0,
    });
  });

  test("opens at the first failure, and trials start at the short spacing", () => {
    const breaker = halfOpened();
    const changes = answer(breaker, 100, breaker.admit(90), "failure");
    expect(changes).toEqual([["half-open", "open", "the cause"]]);
    expect(breaker.state).toMatchObject({ kind: "open", spacingMs: 50, nextTrialAtMs: 150 });
  });

  test("is not moved by health readings", () => {
    const breaker = halfOpened();
    expect(read(breaker, 1, true)).toEqual([]);
    expect(read(breaker, 1, false)).toEqual([]);
    expect(breaker.state.kind).toBe("half-open");
  });
});

test("thresholds are options", () => {
  const breaker = new Breaker(0, () => {}, { ...BREAKER_DEFAULTS, consecutiveFailuresMax: 1 });
  breaker.record(0, breaker.admit(0), "failure", "the cause");
  expect(breaker.state.kind).toBe("open");
});

describe("a ticket of an older generation", () => {
  test("from closed does not reopen or close anything", () => {
    const breaker = new Watched(0);
    const late = Array.from({ length: 20 }, () => breaker.admit(0));
    feed(breaker, 0, ...times(5, "failure"));
    for (const ticket of late.slice(0, 10)) {
      expect(answer(breaker, 1, ticket, "success")).toEqual([]);
    }
    expect(breaker.state.kind).toBe("open");
    feed(breaker, 60, "success");
    for (const ticket of late.slice(10)) expect(answer(breaker, 61, ticket, "failure")).toEqual([]);
    expect(breaker.state).toEqual({ kind: "half-open", inFlight: 0, successes: 1 });
  });

  test("from a trial does not count in half-open, but frees its place among the unanswered", () => {
    const breaker = opened(0);
    const slow = [breaker.admit(50), breaker.admit(100), breaker.admit(200)];
    answer(breaker, 400, breaker.admit(400), "success");
    for (const ticket of slow) expect(answer(breaker, 500, ticket, "failure")).toEqual([]);
    expect(breaker.state.kind).toBe("half-open");
    answer(breaker, 600, breaker.admit(500), "failure");
    expect(breaker.admitsTrial(650)).toBe(true);
  });

  test("from a half-open that failed occupies the processor still: no trial until it is answered", () => {
    const breaker = halfOpened();
    const [first, ...hung] = Array.from({ length: 5 }, () => breaker.admit(0));
    answer(breaker, 10, first as Ticket, "failure");
    expect(breaker.admitsTrial(10_000)).toBe(false);
    answer(breaker, 10_000, hung[0] as Ticket, "success");
    expect(breaker.state.kind).toBe("open");
    expect(breaker.admitsTrial(10_000)).toBe(true);
  });
});

test("a ticket answered twice throws, and its place is given back once", () => {
  const breaker = halfOpened();
  const [ticket] = Array.from({ length: 8 }, () => breaker.admit(1));
  answer(breaker, 2, ticket as Ticket, "none");
  expect(() => answer(breaker, 3, ticket as Ticket, "failure")).toThrow("answered twice");
  expect(breaker.state).toEqual({ kind: "half-open", inFlight: 7, successes: 1 });
});

test("whatever answers come in whatever order, no place leaks", () => {
  const step = fc.record({
    afterMs: fc.nat(2_000),
    kind: fc.constantFrom("admit", "answer", "health-good", "health-bad"),
    pick: fc.nat(),
    signal: fc.constantFrom<Signal>("success", "failure", "none"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const breaker = new Watched(0);
      const out: Ticket[] = [];
      let nowMs = 0;
      for (const { afterMs, kind, pick, signal } of steps) {
        nowMs += afterMs;
        if (kind === "admit" && (breaker.admits || breaker.admitsTrial(nowMs))) {
          out.push(breaker.admit(nowMs));
        } else if (kind === "answer" && out.length > 0) {
          answer(breaker, nowMs, out.splice(pick % out.length, 1)[0] as Ticket, signal);
        } else if (kind.startsWith("health")) read(breaker, nowMs, kind === "health-bad");
        const { state } = breaker;
        if (state.kind === "half-open") {
          expect(state.inFlight).toBeGreaterThanOrEqual(0);
          expect(state.inFlight).toBeLessThanOrEqual(8);
        }
        if (state.kind === "open") expect(state.spacingMs).toBeLessThanOrEqual(750);
      }
      for (const ticket of out) answer(breaker, nowMs, ticket, "none");
      // An open breaker with nothing unanswered takes a trial within a second, and heals.
      nowMs += 1_000;
      if (breaker.state.kind === "open") expect(breaker.admitsTrial(nowMs)).toBe(true);
      feed(breaker, nowMs, "success", "success", "success");
      expect(breaker.state.kind).toBe("closed");
    }),
  );
});
