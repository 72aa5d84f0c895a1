import { describe, expect, test } from "bun:test";
import { shareOf } from "../../shared/tariff.ts";
import type { OnChange } from "./breaker.ts";
import { RouterLane, type LaneReport } from "./lane.ts";

type Change = Parameters<OnChange>;

const success = (latencyMs: number): LaneReport => ({
  signal: "success",
  latencyMs,
  dropped: false,
  cause: "answered",
});
const failure: LaneReport = { signal: "failure", latencyMs: 5, dropped: false, cause: "500" };
const timeout: LaneReport = { signal: "failure", latencyMs: 5, dropped: true, cause: "timeout" };
const turnedAway: LaneReport = { signal: "none", latencyMs: 1, dropped: true, cause: "429" };
const accepted: LaneReport = { ...success(20), signal: "accepted" };
const rejected: LaneReport = { ...success(20), signal: "rejected", cause: "400" };
const noCall: LaneReport = { signal: "none", latencyMs: 0, dropped: false, cause: "" };

/** Makes a lane whose breaker reports its changes to `changes`. */
function lane(inFlightMax = 640, changes: Change[] = []): RouterLane {
  const onChange: OnChange = (...change) => changes.push(change);
  return new RouterLane(0, { name: "default", fee: shareOf(0.05), inFlightMax, onChange });
}

function feed(one: RouterLane, nowMs: number, report: LaneReport, times = 1): RouterLane {
  for (let i = 0; i < times; i++) one.record(nowMs, one.admit(nowMs), report);
  return one;
}

const opened = () => feed(lane(), 0, failure, 5);

test("has room up to its limit, and again when a call has ended", () => {
  const changes: Change[] = [];
  const one = lane(3, changes);
  const tickets = [one.admit(0), one.admit(0), one.admit(0)] as const;
  expect(one.inFlight).toBe(3);
  expect(one.hasRoom).toBe(false);
  one.record(1, tickets[0], noCall);
  expect(changes).toEqual([]);
  expect(one.hasRoom).toBe(true);
});

test("an answer without a call throws", () => {
  const one = lane();
  const ticket = one.admit(0);
  one.record(1, ticket, success(1));
  expect(() => one.record(2, ticket, success(1))).toThrow("default: an answer without a call");
  expect(one.inFlight).toBe(0);
});

describe("latency", () => {
  test("good news is believed sooner than bad", () => {
    expect(feed(lane(), 0, success(150)).latencyMs).toBeCloseTo(60);
    expect(feed(lane(), 0, success(0)).latencyMs).toBeCloseTo(35);
  });

  test("failures say nothing about it", () => {
    expect(feed(lane(), 0, failure, 3).latencyMs).toBe(50);
  });

  test("after an outage is that of the trial which succeeded, unless the outage made it slow", () => {
    expect(feed(opened(), 100, success(20)).latencyMs).toBeLessThan(50);
    expect(feed(opened(), 100, success(700)).latencyMs).toBeLessThan(150);
  });

  test("of a health reading counts while no answer is younger than a second", () => {
    const one = lane();
    one.recordHealth(0, { failing: false, minResponseTimeMs: 300 });
    expect(one.latencyMs).toBe(300);
    feed(one, 1_000, success(300));
    one.recordHealth(1_999, { failing: false, minResponseTimeMs: 5 });
    expect(one.latencyMs).toBe(300);
    one.recordHealth(2_000, { failing: false, minResponseTimeMs: 5 });
    expect(one.latencyMs).toBe(5);
  });
});

describe("rate", () => {
  test("is the limit over the latency (Little's law)", () => {
    const one = lane(8);
    one.recordHealth(0, { failing: false, minResponseTimeMs: 20 });
    expect(one.ratePerMs).toBeCloseTo(8 / 20);
  });

  test("of an idle processor is what it would ramp up to", () => {
    const one = lane(640);
    one.recordHealth(0, { failing: false, minResponseTimeMs: 20 });
    expect(one.limit).toBe(8);
    expect(one.ratePerMs).toBeCloseTo(160 / 20);
  });

  test("is finite for a latency of nothing", () => {
    const one = lane(640);
    one.recordHealth(0, { failing: false, minResponseTimeMs: 0 });
    expect(one.ratePerMs).toBe(160);
  });

  test("is nothing while the breaker is open", () => {
    expect(opened().ratePerMs).toBe(0);
    expect(opened().working).toBe(false);
    expect(feed(opened(), 100, success(20)).ratePerMs).toBeCloseTo(160 / 20);
  });
});

describe("health", () => {
  const FAILING = "its health reading says failing: true, minResponseTime: 0 ms";

  test("failing opens the breaker when no answer succeeded in the last second", () => {
    const changes: Change[] = [];
    const one = feed(lane(640, changes), 1_000, success(20));
    one.recordHealth(1_999, { failing: true, minResponseTimeMs: 0 });
    expect(changes).toEqual([]);
    expect(one.breaker.kind).toBe("closed");
    one.recordHealth(2_000, { failing: true, minResponseTimeMs: 0 });
    expect(changes).toEqual([["closed", "open", FAILING]]);
    expect(one.breaker.kind).toBe("open");
  });

  test("failing is believed of a processor that was never called", () => {
    const changes: Change[] = [];
    lane(640, changes).recordHealth(0, { failing: true, minResponseTimeMs: 0 });
    expect(changes).toEqual([["closed", "open", FAILING]]);
  });

  test("fine allows a trial at once", () => {
    const one = opened();
    expect(one.admitsTrial(1)).toBe(false);
    one.recordHealth(1, { failing: false, minResponseTimeMs: 0 });
    expect(one.admitsTrial(1)).toBe(true);
    expect(one.hasRoom).toBe(false);
  });
});

describe("limit", () => {
  test("grows with answers while it is used, and starts anew after an outage", () => {
    const one = lane();
    for (let round = 0; round < 5; round++) {
      const tickets = Array.from({ length: one.limit }, () => one.admit(round));
      for (const ticket of tickets) one.record(round, ticket, success(20));
    }
    expect(one.limit).toBeGreaterThan(30);
    feed(one, 200, failure, 5);
    feed(one, 300, success(20));
    expect(one.limit).toBe(8);
  });

  test("shrinks when a call is turned away or not answered in time", () => {
    expect(feed(lane(), 0, turnedAway).limit).toBe(5);
    expect(feed(lane(), 0, timeout).limit).toBe(5);
    expect(feed(lane(), 0, failure).limit).toBe(8);
  });
});

test("forced admits whatever its breaker says, up to its limit", () => {
  const one = opened();
  one.mode = "forced";
  let admitted = 0;
  for (; one.hasRoom && admitted < 1_000; admitted++) one.admit(1);
  expect([admitted, one.inFlight]).toEqual([one.limit, one.limit]);
  expect([one.breaker.kind, one.working, one.admitsTrial(1e9)]).toEqual(["open", true, false]);
});

describe("an answer to a call from before the breaker changed", () => {
  test("frees its place, and says nothing about latency or limit", () => {
    const one = lane();
    const before = [one.admit(0), one.admit(0), one.admit(0)] as const;
    feed(one, 0, failure, 5);
    const trials = [one.admit(50), one.admit(100), one.admit(200)] as const;
    one.record(2_050, trials[0], success(20));
    const { latencyMs, limit } = one;
    one.record(2_100, trials[1], success(2_000));
    one.record(2_200, trials[2], timeout);
    for (const ticket of before) one.record(30_000, ticket, timeout);
    expect(one).toMatchObject({ latencyMs, limit, inFlight: 0 });
    expect(one.breaker.kind).toBe("half-open");
  });
});

describe("a processor that turns calls away", () => {
  test("is not failing as long as it takes others", () => {
    const one = feed(lane(), 0, success(20));
    feed(one, 500, turnedAway, 100);
    expect(one.breaker.kind).toBe("closed");
  });

  test("is failing when it has taken none for a second", () => {
    const changes: Change[] = [];
    const one = feed(lane(640, changes), 0, success(20));
    feed(one, 1_000, turnedAway, 5);
    expect(one.breaker.kind).toBe("open");
    expect(changes).toEqual([["closed", "open", "429, after 1 ms"]]);
  });

  test("a place that was given back says nothing", () => {
    const one = feed(lane(), 5_000, noCall, 100);
    expect(one.breaker.kind).toBe("closed");
    expect(one.limit).toBe(8);
    expect(one.inFlight).toBe(0);
  });
});

describe("a processor that wants to be left alone", () => {
  const asking = (restMs: number): LaneReport => ({ ...turnedAway, restMs });

  test("takes nothing before then, a trial neither", () => {
    const one = feed(lane(), 0, success(20));
    feed(one, 100, asking(5_000));
    expect(one.breaker.kind).toBe("closed");
    expect([100, 5_099].map((nowMs) => one.takes(nowMs))).toEqual([false, false]);
    expect(one.restMs(4_100)).toBe(1_000);
    expect(one.takes(5_100)).toBe(true);
    feed(one, 200, failure, 5);
    expect([1_000, 5_099, 5_100].map((nowMs) => one.admitsTrial(nowMs))).toEqual([
      false,
      false,
      true,
    ]);
  });

  test("is left alone also when it is forced", () => {
    const one = feed(lane(), 0, asking(5_000));
    one.mode = "forced";
    expect([0, 4_999, 5_000].map((nowMs) => one.takes(nowMs))).toEqual([false, false, true]);
  });

  test("does not end it by a shorter wish, nor by a call that it still took", () => {
    const one = feed(lane(), 0, asking(5_000));
    feed(one, 1_000, asking(1_000));
    feed(one, 1_000, success(20));
    expect(one.restMs(1_000)).toBe(4_000);
  });
});

describe("a processor that rejects", () => {
  test("one payment after the other is open, with the cause, although it answers", () => {
    const changes: Change[] = [];
    const one = feed(lane(640, changes), 0, accepted);
    feed(one, 10, rejected, 2);
    expect(one.breaker.kind).toBe("closed");
    feed(one, 20, rejected);
    expect(one.breaker.kind).toBe("open");
    expect(changes).toEqual([["closed", "open", "400, after 20 ms"]]);
    feed(one, 100, rejected, 10);
    expect(one.breaker.kind).toBe("open");
    feed(one, 200, accepted);
    expect(one.breaker.kind).toBe("half-open");
  });

  test("some and accepts others is not", () => {
    const one = lane();
    for (let nowMs = 0; nowMs < 1_000; nowMs += 10) {
      feed(one, nowMs, accepted, 3);
      feed(one, nowMs, rejected, 2);
    }
    expect(one.breaker.kind).toBe("closed");
    expect(one.rejectionIsBelieved(1_000, 0)).toBe(true);
  });

  test("half of all is open, however they are mixed", () => {
    const changes: Change[] = [];
    const one = lane(640, changes);
    for (let nowMs = 0; nowMs < 1_000; nowMs += 100) {
      expect(one.breaker.kind).toBe("closed");
      feed(one, nowMs, accepted);
      feed(one, nowMs, rejected);
    }
    expect(changes).toEqual([["closed", "open", "400, after 20 ms"]]);
  });

  test("half of all, seldom, is not", () => {
    const one = lane();
    for (let nowMs = 0; nowMs < 60_000; nowMs += 600) {
      feed(one, nowMs, accepted);
      feed(one, nowMs, rejected);
    }
    expect(one.breaker.kind).toBe("closed");
  });

  test("is no more working for it: no trial, and no end of doubts", () => {
    const one = feed(opened(), 100, rejected);
    expect(one.breaker.kind).toBe("open");
    expect(one.isInDoubt(100)).toBe(true);
  });

  test("is open again when it goes on after an answer that was no acceptance", () => {
    const one = feed(lane(), 0, rejected, 3);
    feed(one, 100, success(20));
    expect(one.breaker.kind).toBe("half-open");
    feed(one, 110, rejected);
    expect(one.breaker.kind).toBe("open");
  });
});
