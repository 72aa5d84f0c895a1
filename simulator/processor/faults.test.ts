import { describe, expect, test } from "bun:test";
import {
  ID,
  processor,
  idOf,
  call,
  pay,
  health,
  find,
  setDelay,
  setFailure,
  setFaults,
  setDown,
  seen,
  advanced,
  statusOf,
} from "../processor.fixture.ts";

describe("faults", () => {
  test.each([
    ["answerLost", {}, "dropped", 1],
    ["resetBefore", {}, "dropped", 0],
    ["errorWithInsert", {}, 500, 1],
    ["errorWithoutInsert", {}, 500, 0],
    ["truncated", {}, "truncated", 1],
    ["hang", {}, "silent", 0],
    ["hang", { hangInserts: true }, "silent", 1],
  ])("%s %p gives %p with %p recorded", (fault, more, expected, recorded) => {
    const model = processor();
    model.apply(0, setFaults({ [fault]: 1, ...more }));
    expect(statusOf(model.apply(0, pay(ID)))).toBe(expected);
    expect(model.records.size).toBe(recorded);
  });

  test("come after the delay, and a failing processor has none", () => {
    const model = processor();
    model.apply(0, setFaults({ answerLost: 1 }));
    model.apply(0, setDelay(10));
    model.apply(0, pay(idOf(1)));
    expect(advanced(model, 10)).toEqual([{ ticket: 0, answer: "dropped" }]);
    model.apply(10, setFailure(true));
    model.apply(10, pay(idOf(2)));
    expect(advanced(model, 20)).toEqual([{ ticket: 1, answer: { status: 500, body: "" } }]);
  });

  test("a fault on an id that is there already changes nothing", () => {
    const model = processor();
    model.apply(0, pay(ID, 1));
    model.apply(0, setFaults({ truncated: 1 }));
    expect(model.apply(0, pay(ID, 2))).toMatchObject({ kind: "truncated", of: { status: 422 } });
    expect(model.records.get(ID)?.amountCents).toBe(100);
  });

  test("one number decides: each fault has its share, the rest pass", () => {
    const numbers = [0.05, 0.15, 0.25, 0.95];
    const model = processor(() => numbers.shift() as number);
    model.apply(0, setFaults({ answerLost: 0.1, resetBefore: 0.1, errorWithInsert: 0.1 }));
    const outcomes = [1, 2, 3, 4].map((n) => statusOf(model.apply(0, pay(idOf(n)))));
    expect(outcomes).toEqual(["dropped", "dropped", 500, 200]);
    expect([1, 2, 3, 4].map((n) => model.records.get(idOf(n)) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(numbers).toEqual([]);
  });

  test("nothing is drawn while none is set", () => {
    const model = processor(() => {
      throw new Error("drawn");
    });
    expect(statusOf(model.apply(0, pay(ID)))).toBe(200);
  });

  test("are shown, and replaced as a whole", () => {
    const model = processor();
    const none = {
      answerLost: 0,
      resetBefore: 0,
      errorWithInsert: 0,
      errorWithoutInsert: 0,
      truncated: 0,
      hang: 0,
      hangInserts: false,
      hangAll: false,
    };
    const shown = () => seen(model.apply(0, call("GET", "/simulator/faults")));
    expect(shown()).toEqual({ status: 200, body: none });
    model.apply(0, setFaults({ answerLost: 0.25 }));
    model.apply(0, setFaults({ hang: 0.5, hangInserts: true }));
    expect(shown()).toEqual({ status: 200, body: { ...none, hang: 0.5, hangInserts: true } });
  });

  test("hangAll silences everything but administration, until it is off", () => {
    const model = processor();
    model.apply(0, pay(ID));
    model.apply(0, setFaults({ hangAll: true }));
    expect(model.apply(0, pay(idOf(1))).kind).toBe("silent");
    expect(model.apply(0, health).kind).toBe("silent");
    expect(model.apply(0, find(ID)).kind).toBe("silent");
    expect(statusOf(model.apply(0, call("GET", "/admin/payments-summary")))).toBe(200);
    expect(model.records.size).toBe(1);
    model.apply(0, setFaults({ hangAll: true, hangInserts: true }));
    expect(model.apply(0, pay(idOf(2))).kind).toBe("silent");
    expect(model.records.size).toBe(2);
    model.apply(0, setFaults({}));
    expect(statusOf(model.apply(0, pay(idOf(3))))).toBe(200);
  });

  test("a silent call does not keep its place", () => {
    const model = processor();
    model.apply(0, setFaults({ hang: 1 }));
    model.apply(0, setDelay(1));
    for (let n = 0; n < 2_000; n++) {
      model.apply(n, pay(idOf(n)));
      expect(advanced(model, n + 1)).toEqual([{ ticket: n, answer: "silent" }]);
    }
  });
});

describe("down", () => {
  test("nobody but /simulator is answered, and nothing is recorded", () => {
    const model = processor();
    model.apply(0, setDown(true));
    expect(model.apply(0, pay(ID)).kind).toBe("dropped");
    expect(model.apply(0, health).kind).toBe("dropped");
    expect(model.apply(0, find(ID)).kind).toBe("dropped");
    expect(model.apply(0, setDelay(1)).kind).toBe("dropped");
    expect(statusOf(model.apply(0, call("GET", "/simulator/livez", undefined, null)))).toBe(200);
    expect(model.records.size).toBe(0);
    expect(statusOf(model.apply(0, setDown(false)))).toBe(200);
    expect(statusOf(model.apply(0, pay(ID)))).toBe(200);
  });

  test("takes with it what was in flight and in line, and keeps what was recorded", () => {
    const model = processor();
    model.apply(0, pay(ID));
    model.apply(0, setDelay(100));
    for (let n = 0; n < 801; n++) model.apply(0, pay(idOf(n)));
    model.apply(0, health);
    model.apply(1, health);
    model.apply(50, setDown(true));
    expect(model.nextDueAtMs()).toBe(50);
    const done = advanced(model, 50);
    expect(done.length).toBe(802);
    expect(done.every(({ answer }) => answer === "dropped")).toBe(true);
    expect(advanced(model, 10_000)).toEqual([]);
    model.apply(10_000, setDown(false));
    expect(model.records.size).toBe(1);
    expect(statusOf(model.apply(10_000, health))).toBe(200);
    for (let n = 0; n < 800; n++) model.apply(10_000, pay(idOf(n)));
    expect(advanced(model, 10_100).length).toBe(800);
  });
});

describe("what is not there", () => {
  test.each([
    ["GET", "/", 404],
    ["GET", "/payment", 404],
    ["GET", "/payments", 405],
    ["DELETE", `/payments/${ID}`, 405],
    ["POST", "/payments/service-health", 405],
    ["POST", "/admin/payments-summary", 405],
    ["POST", "/simulator/faults", 405],
    ["GET", "/simulator/else", 404],
  ])("%s %s is %p", (method, path, status) => {
    expect(statusOf(processor().apply(0, call(method, path)))).toBe(status);
  });

  test("a query changes no path", () => {
    const model = processor();
    expect(statusOf(model.apply(0, { ...pay(ID), path: "/payments?x=1" }))).toBe(200);
    expect(statusOf(model.apply(0, find(`${ID}?x=1`)))).toBe(200);
    expect(statusOf(model.apply(0, { ...health, path: "/payments/service-health?x" }))).toBe(200);
  });
});
