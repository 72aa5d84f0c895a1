import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ProcessorModel, type Call } from "./processor.ts";
import {
  ID,
  PROCESSED,
  processor,
  idOf,
  call,
  pay,
  health,
  find,
  setDelay,
  setFailure,
  seen,
  advanced,
  statusOf,
} from "./processor.fixture.ts";

describe("POST /payments", () => {
  test("without a delay is answered at once and recorded", () => {
    const model = processor();
    const outcome = model.apply(70, pay(ID, 19.9, "2025-07-15T12:34:56.789Z"));
    expect(seen(outcome)).toEqual(PROCESSED);
    expect([...model.records.values()]).toEqual([
      {
        correlationId: ID,
        amountCents: 1990,
        requestedAtMs: Date.UTC(2025, 6, 15, 12, 34, 56, 789),
        recordedAtMs: 70,
      },
    ]);
  });

  test("waits the delay, and is recorded when it ends", () => {
    const model = processor();
    model.apply(0, setDelay(100));
    expect(model.apply(10, pay(ID))).toEqual({ kind: "pending", ticket: 0 });
    expect(model.nextDueAtMs()).toBe(110);
    expect(advanced(model, 109)).toEqual([]);
    expect(model.records.size).toBe(0);
    expect(advanced(model, 110)).toEqual([{ ticket: 0, answer: PROCESSED }]);
    expect(model.records.get(ID)?.recordedAtMs).toBe(110);
    expect(model.nextDueAtMs()).toBeNull();
  });

  test("reads the delay when it gets its place, not later", () => {
    const model = processor();
    model.apply(0, setDelay(100));
    model.apply(0, pay(idOf(1)));
    model.apply(10, setDelay(20));
    model.apply(10, pay(idOf(2)));
    expect(advanced(model, 1_000)).toEqual([
      { ticket: 1, answer: PROCESSED },
      { ticket: 0, answer: PROCESSED },
    ]);
  });

  test("reads the failure switch after the delay", () => {
    const model = processor();
    model.apply(0, setDelay(100));
    model.apply(0, pay(idOf(1)));
    model.apply(50, pay(idOf(2)));
    model.apply(50, setFailure(true));
    model.apply(120, setFailure(false));
    expect(advanced(model, 200)).toEqual([
      { ticket: 0, answer: { status: 500, body: "" } },
      { ticket: 1, answer: PROCESSED },
    ]);
    expect(model.records.size).toBe(1);
  });

  test("fails with an empty body and records nothing", () => {
    const model = processor();
    model.apply(0, setFailure(true));
    expect(model.apply(0, pay(ID))).toEqual({ kind: "whole", status: 500, headers: {}, body: "" });
    expect(model.records.size).toBe(0);
  });

  test("refuses an id that is there already, in either case, and changes nothing", () => {
    const model = processor();
    model.apply(0, pay(ID, 19.9));
    const again = seen(model.apply(5, pay(ID.toUpperCase(), 5)));
    expect(again).toEqual({ status: 422, body: { message: expect.any(String) } });
    expect([...model.records.values()]).toMatchObject([{ amountCents: 1990, recordedAtMs: 0 }]);
  });

  test("of two with the same id in flight the first due wins", () => {
    const model = processor();
    model.apply(0, setDelay(100));
    model.apply(0, pay(ID, 1));
    model.apply(0, setDelay(10));
    model.apply(0, pay(ID, 2));
    const statuses = model.advance(100).map(({ answer }) => statusOf(answer));
    expect(statuses).toEqual([200, 422]);
    expect(model.records.get(ID)?.amountCents).toBe(200);
  });

  test("rounds half to even and keeps whole milliseconds", () => {
    const model = processor();
    model.apply(0, pay(ID, 0.025, "2025-07-15T12:34:56.789999Z"));
    expect(seen(model.apply(0, find(ID)))).toEqual({
      status: 200,
      body: { correlationId: ID, amount: 0.02, requestedAt: "2025-07-15T12:34:56.789Z" },
    });
  });

  test("takes fields left out as zero values", () => {
    const model = processor();
    expect(seen(model.apply(0, call("POST", "/payments", {})))).toEqual(PROCESSED);
    expect(seen(model.apply(0, find("00000000-0000-0000-0000-000000000000")))).toEqual({
      status: 200,
      body: {
        correlationId: "00000000-0000-0000-0000-000000000000",
        amount: 0,
        requestedAt: "0001-01-01T00:00:00.000Z",
      },
    });
  });

  test.each([
    "",
    "{",
    "null",
    "[]",
    "7",
    `{"correlationId":"nonsense","amount":1}`,
    `{"correlationId":null,"amount":1}`,
    `{"correlationId":"${ID}","amount":"1"}`,
    `{"correlationId":"${ID}","amount":null}`,
    `{"correlationId":"${ID}","amount":1e300}`,
    `{"correlationId":"${ID}","amount":1,"requestedAt":"yesterday"}`,
    `{"correlationId":"${ID}","amount":1,"requestedAt":1752582896000}`,
  ])("answers 400 to %p, without the delay", (body) => {
    const model = processor();
    model.apply(0, setDelay(100));
    expect(statusOf(model.apply(0, call("POST", "/payments", body)))).toBe(400);
    expect(model.records.size).toBe(0);
  });

  test.each([
    ["application/json", 200],
    ["application/json; charset=utf-8", 200],
    ["Application/JSON", 200],
    ["application/problem+json", 200],
    ["text/plain", 415],
    ["application/jsonl", 415],
    [null, 415],
  ])("answers content type %p with %p", (contentType, status) => {
    expect(statusOf(processor().apply(0, { ...pay(ID), contentType }))).toBe(status);
  });
});

describe("the limit of calls", () => {
  /** A processor with `count` payments in flight since 0, due at 100. */
  function busy(count: number): ProcessorModel {
    const model = processor();
    model.apply(0, setDelay(100));
    for (let n = 0; n < count; n++) model.apply(0, pay(idOf(n)));
    return model;
  }

  test("800 at a time, 500 more wait, the rest are turned away", () => {
    const model = busy(1_300);
    expect(model.apply(0, pay(idOf(1_300)))).toMatchObject({
      status: 429,
      headers: { "retry-after": "5" },
    });
    expect(advanced(model, 100).length).toBe(800);
    expect(advanced(model, 200).length).toBe(500);
    expect(model.records.size).toBe(1_300);
  });

  test("who waited reads the delay when a place is free", () => {
    const model = busy(801);
    model.apply(50, setDelay(7));
    expect(advanced(model, 100).map(({ ticket }) => ticket)).toEqual(
      Array.from({ length: 800 }, (_, n) => n),
    );
    expect(model.nextDueAtMs()).toBe(107);
    expect(advanced(model, 107)).toEqual([{ ticket: 800, answer: PROCESSED }]);
  });

  test("who waited follows in order of arrival, at once if there is no delay any more", () => {
    const model = busy(1_300);
    model.apply(50, setDelay(0));
    const tickets = advanced(model, 100).map(({ ticket }) => ticket);
    // Place 0 frees at 100, and the whole line passes through it before place 1 is looked at.
    expect(tickets.length).toBe(1_300);
    expect(tickets.slice(0, 3)).toEqual([0, 800, 801]);
    expect(statusOf(model.apply(100, pay(idOf(9_999))))).toBe(200);
  });

  test("a refused payment gives its place back", () => {
    const model = processor();
    model.apply(0, setFailure(true));
    model.apply(0, setDelay(1));
    for (let n = 0; n < 3_000; n++) {
      expect(model.apply(n, pay(idOf(n))).kind).toBe("pending");
      expect(advanced(model, n + 1)).toEqual([{ ticket: n, answer: { status: 500, body: "" } }]);
    }
  });

  test("GET /payments/{id} shares it, but neither delay nor failure", () => {
    const model = processor();
    model.apply(0, pay(ID));
    model.apply(0, setFailure(true));
    model.apply(0, setDelay(100));
    expect(statusOf(model.apply(0, find(ID)))).toBe(200);
    for (let n = 0; n < 800; n++) model.apply(0, pay(idOf(n)));
    const waiting = model.apply(1, find(ID));
    expect(waiting).toEqual({ kind: "pending", ticket: 800 });
    for (let n = 0; n < 499; n++) model.apply(1, find(ID));
    expect(statusOf(model.apply(1, find(ID)))).toBe(429);
    expect(advanced(model, 100).find(({ ticket }) => ticket === 800)?.answer).toMatchObject({
      status: 200,
      body: { correlationId: ID },
    });
  });

  test("health and administration do not", () => {
    const model = busy(1_300);
    expect(statusOf(model.apply(0, health))).toBe(200);
    expect(statusOf(model.apply(0, setDelay(5)))).toBe(200);
  });
});

describe("time", () => {
  const step = fc.record({
    afterMs: fc.integer({ min: 0, max: 40 }),
    what: fc.constantFrom("pay", "repeat", "find", "health", "delay", "failure"),
    value: fc.integer({ min: 0, max: 60 }),
  });

  /** Plays the steps; calls `advance` at every time in `extraAtMs` too. */
  function played(
    steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
    everyMs: number,
  ) {
    const model = processor();
    const answers: unknown[] = [];
    let nowMs = 0;
    const tick = (atMs: number) => {
      for (const { ticket, answer } of model.advance(atMs)) answers.push([ticket, seen(answer)]);
    };
    steps.forEach(({ afterMs, what, value }, n) => {
      for (let atMs = nowMs + everyMs; atMs < nowMs + afterMs; atMs += everyMs) tick(atMs);
      nowMs += afterMs;
      const calls: Record<typeof what, Call> = {
        pay: pay(idOf(n)),
        repeat: pay(idOf(value)),
        find: find(idOf(value)),
        health,
        delay: setDelay(value),
        failure: setFailure(value % 2 === 0),
      };
      const outcome = model.apply(nowMs, calls[what]);
      if (outcome.kind !== "pending") answers.push([n, seen(outcome)]);
    });
    tick(nowMs + 100_000);
    return { rows: [...model.records.values()], answers };
  }

  test("it makes no difference how often a shell looks", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const rarely = played(steps, Infinity);
        const often = played(steps, 1);
        expect(often.rows).toEqual(rarely.rows);
        expect(new Set(often.answers.map((a) => JSON.stringify(a)))).toEqual(
          new Set(rarely.answers.map((a) => JSON.stringify(a))),
        );
      }),
    );
  });

  test("going backwards is no time at all", () => {
    const model = processor();
    model.apply(1_000, setDelay(10));
    model.apply(500, pay(ID));
    expect(model.nextDueAtMs()).toBe(1_010);
  });
});

describe("GET /payments/service-health", () => {
  const healthy = { status: 200, body: { failing: false, minResponseTime: 0 } };

  test("shows the switches, with neither delay nor failure of its own", () => {
    const model = processor();
    model.apply(0, setDelay(250));
    model.apply(0, setFailure(true));
    expect(seen(model.apply(0, health))).toEqual({
      status: 200,
      body: { failing: true, minResponseTime: 250 },
    });
  });

  test("one call a window at once, two more wait for the next windows, the rest are turned away", () => {
    const model = processor();
    expect(seen(model.apply(12_000, health))).toEqual(healthy);
    expect(model.apply(12_001, health)).toEqual({ kind: "pending", ticket: 0 });
    expect(model.apply(12_002, health)).toEqual({ kind: "pending", ticket: 1 });
    expect(model.apply(12_003, health)).toMatchObject({
      status: 429,
      headers: { "retry-after": "5" },
    });
    expect(advanced(model, 14_999)).toEqual([]);
    expect(advanced(model, 15_000)).toEqual([{ ticket: 0, answer: healthy }]);
    expect(advanced(model, 19_999)).toEqual([]);
    expect(advanced(model, 20_000)).toEqual([{ ticket: 1, answer: healthy }]);
  });

  test("windows are fixed: two calls a millisecond apart may both be answered", () => {
    const model = processor();
    expect(statusOf(model.apply(4_999, health))).toBe(200);
    expect(statusOf(model.apply(5_000, health))).toBe(200);
    expect(model.apply(9_999, health).kind).toBe("pending");
  });

  test("who waited has the window, and a newcomer waits behind", () => {
    const model = processor();
    model.apply(0, health);
    model.apply(1, health);
    expect(model.apply(5_000, health)).toEqual({ kind: "pending", ticket: 1 });
    expect(advanced(model, 5_000)).toEqual([{ ticket: 0, answer: healthy }]);
    expect(advanced(model, 10_000)).toEqual([{ ticket: 1, answer: healthy }]);
  });

  test("who waited sees the switches as they are when answered", () => {
    const model = processor();
    model.apply(0, health);
    model.apply(1, health);
    model.apply(2, setFailure(true));
    expect(advanced(model, 5_000)).toMatchObject([{ answer: { body: { failing: true } } }]);
  });
});

describe("GET /payments/{id}", () => {
  test("404 for one that is not there, or no id at all", () => {
    expect(statusOf(processor().apply(0, find(ID)))).toBe(404);
    expect(statusOf(processor().apply(0, find("nonsense")))).toBe(404);
  });

  test("404 while its delay runs, 200 afterwards, in either case", () => {
    const model = processor();
    model.apply(0, setDelay(10));
    model.apply(0, pay(ID));
    expect(statusOf(model.apply(9, find(ID)))).toBe(404);
    expect(statusOf(model.apply(10, find(ID.toUpperCase())))).toBe(200);
  });
});
