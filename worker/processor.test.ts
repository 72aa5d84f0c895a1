import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { answer, rawServer, whole, type Raw } from "./processor.fixture.ts";
import { chargeBody, classify, classifyLook, rinha } from "./processor/adapters/rinha.ts";
import type { Adapter } from "./processor/adapters/adapter.ts";
import { classifyError, HttpProcessor, type Exchange, type NotFound } from "./processor.ts";

const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const REQUESTED_AT_MS = Date.UTC(2026, 6, 1, 12, 30, 0, 7);
const CHARGE = { correlationId: ID, amountCents: 1_990, requestedAtMs: REQUESTED_AT_MS };
const BODY = `{"correlationId":"${ID}","amount":19.90,"requestedAt":"2026-07-01T12:30:00.007Z"}`;
const WHOLE = { status: 200, complete: true, retryAfter: null };
const TIMEOUT_MS = 150;
const MESSAGE = '{"message":"something"}';
const CHUNK = `${MESSAGE.length.toString(16)}\r\n${MESSAGE}\r\n`;
const CHUNKED = { "Transfer-Encoding": "chunked" };

/** Gives the outcome of a charge that the processor answers in this way. */
async function charged(raw: Raw) {
  using server = rawServer(raw);
  return await new HttpProcessor(server.url, TIMEOUT_MS).charge(CHARGE);
}

/** A whole answer with a body of single bytes. */
function latin1(status: number, body: string): Buffer {
  return Buffer.from(whole(status, body), "latin1");
}

/** An address at which nobody listens. */
function vacantPort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  server.stop(true);
  return server.port;
}

test("what its kind does without is told", () => {
  const { lookup: _, health: __, ...less } = rinha;
  const of = (adapter: Adapter) => new HttpProcessor("http://there", 1, undefined, adapter).lacks;
  expect(of(rinha)).toEqual([]);
  expect(of(less)).toEqual(["look", "totals", "health"]);
});

test.each([
  ["as it is", (source: string) => source],
  ["in an address", encodeURIComponent],
  ["in JSON", (source: string) => JSON.stringify(source)],
])("a source is in no reason, though somebody's adapter repeats it %s", async (_, spelled) => {
  using server = rawServer({ text: whole(200, MESSAGE) });
  const source = 'tok "5/6"';
  const reasons = (of: string | undefined) => `it said ${spelled(of ?? "none")}, twice: ${of}`;
  const call = { path: "/" };
  const adapter: Adapter = {
    charge: () => ({ ...call, body: "x" }),
    classifyCharge: (__, payment) => ({ kind: "unknown", reason: reasons(payment.source) }),
    lookup: {
      call: () => call,
      classify: (__, payment) => ({ kind: "unclear", reason: reasons(payment.source) }),
    },
    remembersForMs: Infinity,
  };
  const client = new HttpProcessor(server.url, 5_000, undefined, adapter);
  const payment = { ...CHARGE, source };
  for (const outcome of [await client.charge(payment), await client.look(payment)]) {
    const { reason } = outcome as { readonly reason: string };
    expect(reason).toStartWith("it said ");
    expect(reason).not.toContain(source);
    expect(reason).not.toContain(spelled(source));
  }
  expect(await client.charge(CHARGE)).toMatchObject({ reason: reasons(undefined) });
});

test("a code that has a source in it is left out, and any other is kept", async () => {
  const codes = ["no_funds", "tok-7", "of_tok-7_1"];
  const classifyCharge = () => ({ kind: "rejected", reason: "no", code: codes.shift() }) as const;
  const exchange: Exchange = async () => ({
    status: 402,
    body: "",
    retryAfter: null,
    complete: true,
  });
  const adapter = { ...rinha, classifyCharge };
  const processor = new HttpProcessor("http://processor", 1_000, exchange, adapter);
  const charge = async () => await processor.charge({ ...CHARGE, source: "tok-7" });
  expect(await charge()).toMatchObject({ kind: "rejected", code: "no_funds" });
  expect(await charge()).toMatchObject({ kind: "rejected", code: undefined });
  expect(await charge()).toMatchObject({ kind: "rejected", code: undefined });
});

describe("a charge that is answered with", () => {
  const rows: [string, string, Raw][] = [
    ["200", "accepted", { text: whole(200, MESSAGE) }],
    ["200 in chunks", "accepted", { text: answer(200, CHUNKED, `${CHUNK}0\r\n\r\n`) }],
    ["200 cut short", "unknown", { text: answer(200, { "Content-Length": "99" }, MESSAGE) }],
    ["200 in chunks, cut short", "unknown", { text: answer(200, CHUNKED, CHUNK) }],
    ["200 whose end is the connection's", "unknown", { text: answer(200, {}, MESSAGE) }],
    ["200 in something else than UTF-8", "unknown", { bytes: latin1(200, '{"message":"\xe9"}') }],
    ["200 with a mark of byte order", "unknown", { bytes: latin1(200, `\xef\xbb\xbf${MESSAGE}`) }],
    ["200 that is not JSON", "unknown", { text: whole(200, "<html>ok</html>") }],
    ["200 without a body", "unknown", { text: whole(200) }],
    ["200 with half an object", "unknown", { text: whole(200, '{"message":') }],
    ["201", "unknown", { text: whole(201, MESSAGE) }],
    ["204", "unknown", { text: answer(204, {}) }],
    ["422", "exists", { text: whole(422, MESSAGE) }],
    ["422 cut short", "unknown", { text: answer(422, { "Content-Length": "99" }, MESSAGE) }],
    ["429", "refused", { text: whole(429, MESSAGE) }],
    ["500 with an announced empty body", "refused", { text: whole(500) }],
    ["500 without chunks", "refused", { text: answer(500, CHUNKED, "0\r\n\r\n") }],
    ["500 whose end is the connection's", "unknown", { text: answer(500, {}) }],
    ["500, the same, said so", "unknown", { text: answer(500, { Connection: "close" }) }],
    ["500 in no coding", "unknown", { text: answer(500, { "Transfer-Encoding": "identity" }) }],
    ["500 with a body", "unknown", { text: whole(500, MESSAGE) }],
    ["500 with a blank", "unknown", { text: whole(500, " ") }],
    ["500 cut before its body", "unknown", { text: answer(500, { "Content-Length": "9" }) }],
    ["500 cut before its first chunk", "unknown", { text: answer(500, CHUNKED) }],
    ["502", "unknown", { text: whole(502) }],
    ["503", "unknown", { text: whole(503) }],
    ["504", "unknown", { text: whole(504) }],
    ["400", "rejected", { text: whole(400, MESSAGE) }],
    ["415", "rejected", { text: whole(415, MESSAGE) }],
    ["401", "unknown", { text: whole(401) }],
    ["404", "unknown", { text: whole(404) }],
    ["408", "unknown", { text: whole(408) }],
    ["a reset", "unknown", { ending: "reset" }],
    ["nothing but the end", "unknown", { ending: "end" }],
    ["half a head", "unknown", { text: "HTTP/1.1 200 OK\r\nContent-Le" }],
    ["garbage", "unknown", { text: "\u0000\u0001 this is no HTTP\r\n\r\n" }],
    ["no answer in time", "unknown", { ending: "stay" }],
    [
      "half a body, and no more in time",
      "unknown",
      { text: answer(200, { "Content-Length": "99" }, "{"), ending: "stay" },
    ],
  ];
  test.each(rows)("%s is %s", async (_, kind, raw) => {
    expect((await charged(raw)).kind as string).toBe(kind);
  });

  test.each([301, 302, 303, 307, 308])("%d is unknown, and not followed", async (status) => {
    using target = rawServer({ text: whole(200, MESSAGE) });
    const headers = { Location: `${target.url}/payments`, "Content-Length": "0" };
    expect((await charged({ text: answer(status, headers) })).kind).toBe("unknown");
    expect(target.received).toEqual([]);
  });

  test("429 is the limiter's refusal, an empty 500 is a fault's", async () => {
    expect(await charged({ text: whole(429) })).toMatchObject({ overloaded: true });
    expect(await charged({ text: whole(500) })).toMatchObject({ overloaded: false });
  });

  test("429 says for how long, within bounds", async () => {
    const asked = async (seconds: string) => {
      const text = answer(429, { "Retry-After": seconds, "Content-Length": "0" });
      return await charged({ text });
    };
    expect(await asked("5")).toMatchObject({ overloaded: true, retryAfterMs: 5_000 });
    expect(await asked("3600")).toMatchObject({ retryAfterMs: 10_000 });
    expect(await asked("soon")).toMatchObject({ retryAfterMs: 0 });
    expect(await charged({ text: whole(429) })).toMatchObject({ retryAfterMs: 0 });
  });

  test("silence says so", async () => {
    const outcome = await charged({ ending: "stay" });
    expect(outcome).toEqual({ kind: "unknown", reason: "no answer in time", silent: true });
  });
});

describe("a charge that never leaves is refused", () => {
  const charge = (url: string) => new HttpProcessor(url, 5_000).charge(CHARGE);

  test("when the connection is refused", async () => {
    expect(await charge(`http://127.0.0.1:${vacantPort()}`)).toEqual({
      kind: "refused",
      reason: "ECONNREFUSED",
      overloaded: false,
    });
  });

  test("when the name is not found", async () => {
    expect(await charge("http://nobody.invalid")).toMatchObject({
      kind: "refused",
      reason: "ENOTFOUND",
    });
  });
});

test("what is not on the list is unknown, whatever status and body it has", () => {
  const listed = new Set([200, 400, 415, 422, 429, 500]);
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 999 }),
      fc.string(),
      fc.boolean(),
      (status, body, complete) => {
        const { kind } = classify({ status, body, complete, retryAfter: null }, CHARGE);
        if (!listed.has(status)) expect(kind).toBe("unknown");
        if (status === 500 && (body !== "" || !complete)) expect(kind).toBe("unknown");
        if (status === 200) expect(kind).toBe("unknown");
      },
    ),
  );
});

test("an error is unknown, whatever its code, unless it says that nothing has left", () => {
  const fail = (code?: string, name = "Error") =>
    classifyError(Object.assign(new Error("x"), { name, ...(code === undefined ? {} : { code }) }));
  for (const code of ["ECONNRESET", "EPIPE", "ECONNREFUSED", "CERT_HAS_EXPIRED", "EMFILE"]) {
    expect(fail(code).kind).toBe("unknown");
  }
  expect(fail().kind).toBe("unknown");
  expect(fail(undefined, "TimeoutError")).toEqual({
    kind: "unknown",
    reason: "no answer in time",
    silent: true,
  });
});

describe("the request", () => {
  test("is one POST with exactly this body", async () => {
    using server = rawServer({ text: whole(200, MESSAGE) });
    await new HttpProcessor(server.url, TIMEOUT_MS).charge(CHARGE);
    const [head = "", body] = server.received.join("").split("\r\n\r\n");
    expect(head.split("\r\n")[0]).toBe("POST /payments HTTP/1.1");
    expect(head.toLowerCase()).toContain("content-type: application/json");
    expect(head.toLowerCase()).toContain(`content-length: ${BODY.length}`);
    expect(body).toBe(BODY);
  });

  test("is the same, byte for byte, in every attempt", async () => {
    using server = rawServer({ text: whole(503) });
    const processor = new HttpProcessor(server.url, TIMEOUT_MS);
    for (let i = 0; i < 3; i++) await processor.charge({ ...CHARGE });
    const bodies = server.received.join("").match(/\{.*?\}/g);
    expect(bodies).toEqual([BODY, BODY, BODY]);
  });

  test("is not repeated by the client when the connection is lost", async () => {
    using server = rawServer({ ending: "reset" });
    await new HttpProcessor(server.url, TIMEOUT_MS).charge(CHARGE);
    expect(server.received.join("").match(/POST/g)).toHaveLength(1);
  });

  test.each([
    [1, "0.01"],
    [10, "0.10"],
    [100, "1.00"],
    [1_990, "19.90"],
    [100_000_000, "1000000.00"],
  ])("%d cents are written as %s", (amountCents, amount) => {
    expect(chargeBody({ ...CHARGE, amountCents })).toContain(`"amount":${amount},`);
  });

  test("carries amount and instant so that they can be read back exactly", () => {
    const cents = fc.integer({ min: 1, max: 100_000_000 });
    const instant = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
    fc.assert(
      fc.property(cents, instant, (amountCents, requestedAtMs) => {
        const charge = { correlationId: ID, amountCents, requestedAtMs };
        const found = classifyLook({ ...WHOLE, body: chargeBody(charge) }, ID);
        expect(found).toEqual({ kind: "found", amountCents, requestedAtMs });
      }),
    );
  });
});

describe("a look", () => {
  async function looked(raw: Raw) {
    using server = rawServer(raw);
    return await new HttpProcessor(server.url, TIMEOUT_MS).look(CHARGE);
  }
  const found = (changes: Record<string, unknown> = {}) =>
    whole(
      200,
      JSON.stringify({
        correlationId: ID,
        amount: 19.9,
        requestedAt: "2026-07-01T12:30:00.007Z",
        ...changes,
      }),
    );
  const FOUND = { kind: "found", amountCents: 1_990, requestedAtMs: REQUESTED_AT_MS } as const;

  test("asks for the payment by its id", async () => {
    using server = rawServer({ text: found() });
    await new HttpProcessor(server.url, TIMEOUT_MS).look(CHARGE);
    expect(server.received.join("")).toStartWith(`GET /payments/${ID} HTTP/1.1\r\n`);
  });

  test("that shows the payment gives its amount in cents and its instant", async () => {
    expect(await looked({ text: found() })).toEqual(FOUND);
  });

  test("takes the id in any case, and an instant finer than a millisecond", async () => {
    expect(await looked({ text: found({ correlationId: ID.toUpperCase() }) })).toEqual(FOUND);
    const finer = found({ requestedAt: "2026-07-01T12:30:00.007000Z" });
    expect(await looked({ text: finer })).toEqual(FOUND);
    const inUtc = found({ requestedAt: "2026-07-01T12:30:00.0070000" });
    expect(await looked({ text: inUtc })).toEqual(FOUND);
    const offset = found({ requestedAt: "2026-07-01T14:30:00.007+02:00" });
    expect(await looked({ text: offset })).toEqual(FOUND);
  });

  test("that shows another amount or instant gives those", async () => {
    expect(await looked({ text: found({ amount: 20 }) })).toEqual({ ...FOUND, amountCents: 2_000 });
    expect(await looked({ text: found({ amount: 19.901 }) })).toEqual({
      ...FOUND,
      amountCents: null,
    });
    const other = await looked({ text: found({ requestedAt: "2026-07-01T12:30:00.008Z" }) });
    expect(other).toEqual({ ...FOUND, requestedAtMs: REQUESTED_AT_MS + 1 });
  });

  test.each<[string, NotFound, Raw]>([
    ["404", "nothing", { text: whole(404) }],
    ["429", "unasked", { text: whole(429) }],
    ["500", "unasked", { text: whole(500, MESSAGE) }],
    ["503", "unasked", { text: whole(503) }],
  ])("that gets %s has found %s", async (_, kind, raw) => {
    expect((await looked(raw)).kind).toBe(kind);
  });

  test("that reaches nobody has asked nobody; one that we could not make is unclear", async () => {
    const failing = (more: object) =>
      new HttpProcessor("", TIMEOUT_MS, async () => {
        throw Object.assign(new Error("failed"), more);
      }).look(CHARGE);
    expect((await failing({ neverLeft: true })).kind).toBe("unasked");
    expect((await failing({ name: "TimeoutError" })).kind).toBe("unasked");
    expect((await failing({ neverLeft: true, ownFault: true })).kind).toBe("unclear");
    expect((await failing({})).kind).toBe("unclear");
  });

  const unclear: [string, Raw][] = [
    ["403", { text: whole(403) }],
    ["410", { text: whole(410) }],
    ["302", { text: answer(302, { Location: "/", "Content-Length": "0" }) }],
    ["another id", { text: found({ correlationId: ID.replace("4", "5") }) }],
    ["no id", { text: found({ correlationId: undefined }) }],
    ["no instant", { text: found({ requestedAt: undefined }) }],
    ["an instant that cannot be read", { text: found({ requestedAt: "yesterday" }) }],
    ["an amount that is a text", { text: found({ amount: "19.90" }) }],
    ["an amount with traces of a calculation", { text: found({ amount: 19.900000000000002 }) }],
    ["an endless amount", { text: whole(200, BODY.replace("19.90", "1e400")) }],
    ["two amounts", { text: whole(200, BODY.replace("19.90", '20,"amount":19.90')) }],
    ["an end that nobody announced", { text: answer(200, {}, BODY) }],
    ["something that is not JSON", { text: whole(200, "<html>") }],
    ["null", { text: whole(200, "null") }],
    ["a list", { text: whole(200, "[]") }],
    ["half an answer", { text: answer(200, { "Content-Length": "999" }, `{"correlationId":`) }],
    ["a reset", { ending: "reset" }],
  ];
  test.each(unclear)("that gets %s is unclear", async (_, raw) => {
    expect((await looked(raw)).kind).toBe("unclear");
  });
});

describe("a health probe", () => {
  async function probed(raw: Raw) {
    using server = rawServer(raw);
    return await new HttpProcessor(server.url, TIMEOUT_MS).health();
  }
  const NO_NEWS = { reading: null, retryAfterMs: 0 };

  test.each([true, false])("reads failing: %p", async (failing) => {
    const text = whole(200, JSON.stringify({ failing, minResponseTime: 120 }));
    expect(await probed({ text })).toEqual({
      reading: { failing, minResponseTimeMs: 120 },
      retryAfterMs: 0,
    });
  });

  test("that is turned away is no news, and says when to come back", async () => {
    const headers = { "Retry-After": "5", "Content-Length": "0" };
    expect(await probed({ text: answer(429, headers) })).toEqual({
      reading: null,
      retryAfterMs: 5_000,
    });
  });

  test("that is turned away for days is made again after a minute", async () => {
    const processor = new HttpProcessor("", TIMEOUT_MS, async () => {
      return { status: 429, body: "", retryAfter: "864000", complete: true };
    });
    expect(await processor.health()).toEqual({ reading: null, retryAfterMs: 60_000 });
  });

  const junk: [string, Raw][] = [
    ["a failing of text", { text: whole(200, '{"failing":"no","minResponseTime":1}') }],
    ["two words", { text: whole(200, '{"failing":true,"failing":false,"minResponseTime":1}') }],
    [
      "an end that nobody announced",
      { text: answer(200, {}, '{"failing":true,"minResponseTime":1}') },
    ],
    ["a list", { text: whole(200, '[{"failing":false,"minResponseTime":1}]') }],
    ["no time", { text: whole(200, '{"failing":false}') }],
    ["a negative time", { text: whole(200, '{"failing":false,"minResponseTime":-1}') }],
    ["an endless time", { text: whole(200, '{"failing":false,"minResponseTime":1e999}') }],
    ["no JSON", { text: whole(200, "fine") }],
    ["a reset", { ending: "reset" }],
    ["garbage", { text: "no HTTP at all\r\n\r\n" }],
    ["500", { text: whole(500, '{"failing":false,"minResponseTime":1}') }],
    [
      "a Retry-After that is a date",
      {
        text: answer(429, {
          "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT",
          "Content-Length": "0",
        }),
      },
    ],
  ];
  test.each(junk)("that gets %s is no news", async (_, raw) => {
    expect(await probed(raw)).toEqual(NO_NEWS);
  });

  const failing = (error: object) =>
    new HttpProcessor("", TIMEOUT_MS, async () => {
      throw Object.assign(new Error("no answer"), error);
    });

  test("that fails on the way is no news", async () => {
    expect(await failing({ name: "TimeoutError" }).health()).toEqual(NO_NEWS);
  });

  test("that cannot be made is no news, and says why", async () => {
    const refused = { code: "ECONNREFUSED", neverLeft: true };
    expect(await failing(refused).health()).toEqual({ ...NO_NEWS, unreachable: "ECONNREFUSED" });
  });

  test("that this process cannot make says nothing about the processor", async () => {
    const own = { code: "EMFILE", neverLeft: true, ownFault: true };
    expect(await failing(own).health()).toEqual(NO_NEWS);
  });

  test("has longer than the five seconds that a processor may keep it waiting", async () => {
    const timeouts: number[] = [];
    const processor = new HttpProcessor("", TIMEOUT_MS, async ({ timeoutMs }) => {
      timeouts.push(timeoutMs);
      return { status: 404, body: "", retryAfter: null, complete: true };
    });
    await processor.health();
    await processor.charge(CHARGE);
    expect(timeouts).toEqual([7_000, TIMEOUT_MS]);
  });
});

test("a fault of ours while a call is made or read is no outcome: it is thrown", async () => {
  const broken = (async () => ({ status: 200 })) as unknown as Exchange;
  const processor = new HttpProcessor("http://processor", 1_000, broken);
  const charge = { correlationId: "an id", amountCents: 1, requestedAtMs: Number.NaN };
  await expect(processor.charge(charge)).rejects.toThrow(RangeError);
});
