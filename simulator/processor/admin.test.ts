import { describe, expect, test } from "bun:test";
import { ProcessorModel } from "../processor.ts";
import {
  ID,
  processor,
  idOf,
  call,
  pay,
  setDelay,
  setFailure,
  seen,
  statusOf,
} from "../processor.fixture.ts";

describe("administration", () => {
  const PATHS = [
    ["GET", "/admin/payments-summary"],
    ["PUT", "/admin/configurations/delay"],
    ["PUT", "/admin/configurations/failure"],
    ["PUT", "/admin/configurations/token"],
    ["POST", "/admin/purge-payments"],
    ["GET", "/admin/nothing-here"],
    ["GET", "/simulator/faults"],
    ["PUT", "/simulator/faults"],
    ["GET", "/simulator/payments"],
    ["PUT", "/simulator/down"],
  ] as const;

  test.each(PATHS)("%s %s needs the token", (method, path) => {
    const model = processor();
    expect(statusOf(model.apply(0, call(method, path, {}, null)))).toBe(401);
    expect(statusOf(model.apply(0, call(method, path, {}, "124")))).toBe(401);
  });

  test("the token can be changed", () => {
    const model = processor();
    expect(model.apply(0, call("PUT", "/admin/configurations/token", { token: "abc" }))).toEqual({
      kind: "whole",
      status: 204,
      headers: {},
      body: "",
    });
    expect(statusOf(model.apply(0, setDelay(1)))).toBe(401);
    expect(statusOf(model.apply(0, { ...setDelay(1), token: "abc" }))).toBe(200);
  });

  test("delay and failure tell what was and what is", () => {
    const model = processor();
    expect(seen(model.apply(0, setDelay(100)))).toEqual({
      status: 200,
      body: { config: "delay", was: 0, is: 100 },
    });
    expect(seen(model.apply(0, setDelay(5)))).toEqual({
      status: 200,
      body: { config: "delay", was: 100, is: 5 },
    });
    expect(seen(model.apply(0, setFailure(true)))).toEqual({
      status: 200,
      body: { config: "failure", was: false, is: true },
    });
    expect(seen(model.apply(0, setFailure(false)))).toEqual({
      status: 200,
      body: { config: "failure", was: true, is: false },
    });
  });

  test.each([
    ["/admin/configurations/delay", `{"delay":-1}`],
    ["/admin/configurations/delay", `{"delay":1.5}`],
    ["/admin/configurations/delay", `{"delay":"10"}`],
    ["/admin/configurations/delay", `{"delay":1e12}`],
    ["/admin/configurations/delay", `{}`],
    ["/admin/configurations/delay", `nonsense`],
    ["/admin/configurations/failure", `{"failure":1}`],
    ["/admin/configurations/failure", `{}`],
    ["/admin/configurations/token", `{"token":7}`],
    ["/admin/configurations/token", `{"token":""}`],
    ["/simulator/faults", `{"hang":2}`],
    ["/simulator/faults", `{"hang":-0.1}`],
    ["/simulator/faults", `{"hang":"0.1"}`],
    ["/simulator/faults", `{"hang":0.6,"truncated":0.6}`],
    ["/simulator/faults", `{"hangs":0.1}`],
    ["/simulator/faults", `{"hangAll":1}`],
    ["/simulator/down", `{"down":"yes"}`],
  ])("%s answers 400 to %s and changes nothing", (path, body) => {
    const model = processor();
    expect(statusOf(model.apply(0, call("PUT", path, body)))).toBe(400);
    expect(model).toMatchObject({ delayMs: 0, failing: false, token: "123", down: false });
    expect(statusOf(model.apply(0, pay(ID)))).toBe(200);
  });

  test("purge forgets what was recorded, not what is in flight", () => {
    const model = processor();
    model.apply(0, pay(idOf(1)));
    model.apply(0, setDelay(10));
    model.apply(0, pay(idOf(2)));
    expect(seen(model.apply(5, call("POST", "/admin/purge-payments")))).toEqual({
      status: 200,
      body: { message: "All payments purged." },
    });
    model.advance(10);
    expect([...model.records.values()].map((row) => row.correlationId)).toEqual([idOf(2)]);
  });
});

test("a query that no call takes is 400, and the call does nothing", () => {
  const model = processor();
  model.apply(0, pay(ID));
  const purge = call("POST", "/admin/purge-payments?before=2026-01-01T00:00:00Z");
  expect(seen(model.apply(0, purge))).toEqual({
    status: 400,
    body: { message: 'There is no "before" here: this path takes no query.' },
  });
  expect(model.records.size).toBe(1);
});

describe("GET /admin/payments-summary", () => {
  const at = (ms: number) => new Date(ms).toISOString();
  const summary = (query: string) => call("GET", `/admin/payments-summary${query}`);

  function withPaymentsAt(...requestedAtMs: number[]): ProcessorModel {
    const model = processor();
    requestedAtMs.forEach((ms, n) => model.apply(0, pay(idOf(n), 19.9, at(ms))));
    return model;
  }

  test("counts both ends of the window, with exact sums and fees", () => {
    const model = withPaymentsAt(999, 1_000, 1_500, 2_000, 2_001);
    expect(model.apply(0, summary(`?from=${at(1_000)}&to=${at(2_000)}`))).toMatchObject({
      status: 200,
      body: `{"totalRequests":3,"totalAmount":59.70,"totalFee":2.9850,"feePerTransaction":0.05}`,
    });
  });

  test("takes bounds finer than a millisecond at their word", () => {
    const model = withPaymentsAt(1_000, 2_000);
    const query = "?from=1970-01-01T00:00:01.000001Z&to=1970-01-01T00:00:02.000001Z";
    expect(seen(model.apply(0, summary(query)))).toMatchObject({ body: { totalRequests: 1 } });
  });

  test.each(["", `?from=${at(1_500)}`, `?to=${at(1_500)}`])(
    "is everything when a bound is absent: %p",
    (query) => {
      const model = withPaymentsAt(1_000, 2_000);
      expect(seen(model.apply(0, summary(query)))).toMatchObject({ body: { totalRequests: 2 } });
    },
  );

  test("is nothing when from lies after to", () => {
    const model = withPaymentsAt(1_000, 2_000);
    expect(model.apply(0, summary(`?from=${at(2_000)}&to=${at(1_000)}`))).toMatchObject({
      body: `{"totalRequests":0,"totalAmount":0.00,"totalFee":0.0000,"feePerTransaction":0.05}`,
    });
  });

  test.each(["?from=x", `?from=${at(0)}&to=yesterday`])("answers 400 to %p", (query) => {
    expect(statusOf(processor().apply(0, summary(query)))).toBe(400);
  });

  test("takes no misspelt bound for one that is left out", () => {
    expect(seen(processor().apply(0, summary(`?form=${at(0)}`)))).toEqual({
      status: 400,
      body: { message: 'There is no "form" here: its query takes from, to.' },
    });
  });

  test("is exact for a hundred thousand payments of 19.90", () => {
    const model = processor();
    for (let n = 0; n < 100_000; n++) {
      model.records.insert({
        correlationId: n.toString(),
        amountCents: 1990,
        requestedAtMs: n,
        recordedAtMs: n,
      });
    }
    expect(model.apply(0, summary(""))).toMatchObject({
      body: `{"totalRequests":100000,"totalAmount":1990000.00,"totalFee":99500.0000,"feePerTransaction":0.05}`,
    });
  });
});
