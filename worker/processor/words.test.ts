import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { classify, classifyLook } from "./adapters/rinha.ts";
import { Decimal, readAmount, readFields, readRetryAfterMs, saysRecorded } from "./words.ts";

const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const OTHER_ID = "5a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const CHARGE = {
  correlationId: ID,
  amountCents: 1_990,
  requestedAtMs: Date.UTC(2026, 6, 1, 12, 30, 0, 7),
};
const OURS = `"correlationId":"${ID}","amount":19.90,"requestedAt":"2026-07-01T12:30:00.007Z"`;
const WHOLE = { status: 200, complete: true, retryAfter: null };

describe("a charge is recorded by", () => {
  test.each([
    '{"message":"payment processed successfully"}',
    '{"message":""}',
    ' { "message" : "sa\\u00ed" } ',
    '{"message":"said: \\"fine\\"","at":[1,2,{"a":3}]}',
    `{"message":"ok",${OURS}}`,
    `{"message":"ok","payment":{${OURS}}}`,
    `{"message":"ok","correlation_id":"${ID.toUpperCase()}"}`,
    '{"message":"ok","amount":19.9,"requestedAt":"2026-07-01T12:30:00.0070000"}',
  ])("%s", (body) => {
    expect(saysRecorded(body, CHARGE)).toBe(true);
  });
});

describe("a charge is not known to be recorded by", () => {
  test.each([
    null,
    "",
    "[]",
    "{}",
    "null",
    "true",
    '"message"',
    '[{"message":"ok"}]',
    '{"message":null}',
    '{"message":["ok"]}',
    '{"Message":"ok"}',
    '{"data":{"message":"ok"}}',
    '{"message":"ok"',
    '{"message":"ok"}{"message":"ok"}',
    '{"message":"ok"};',
    '{"message":"two\nlines"}',
    '\ufeff{"message":"ok"}',
    '{"message":"no","message":"ok"}',
    '{"message":"ok","a":{"b":1,"b":1}}',
    '{"message":"ok","mess\\u0061ge":"ok"}',
    `{"message":"ok","correlationId":"${OTHER_ID}"}`,
    `{"message":"ok","correlationId":"${OTHER_ID}","correlationId":"${ID}"}`,
    `{"message":"ok","payment":{"CorrelationId":"${OTHER_ID}"}}`,
    '{"message":"ok","correlationId":null}',
    '{"message":"ok","amount":19.91}',
    '{"message":"ok","amount":"19.90"}',
    '{"message":"ok","amount":19.900000000000002}',
    '{"message":"ok","requestedAt":"2026-07-01T12:30:00.008Z"}',
    '{"message":"ok","requested_at":"2026-07-01T12:30:00Z"}',
    '{"message":"ok","requestedAt":1782909000007}',
    `{"message":"ok","__proto__":{"correlationId":"${OTHER_ID}"}}`,
    `{"message":"ok","deep":${"[".repeat(40_000)}${"]".repeat(40_000)}}`,
  ])("%p", (body) => {
    expect(saysRecorded(body, CHARGE)).toBe(false);
  });
});

/** Any JSON, and texts near the one that is meant. */
const bodies = fc.oneof(
  fc.json(),
  fc.string(),
  fc
    .record(
      {
        message: fc.oneof(fc.string(), fc.jsonValue()),
        correlationId: fc.oneof(fc.constantFrom(ID, OTHER_ID), fc.jsonValue()),
        amount: fc.oneof(fc.constantFrom(19.9, 19.91, "19.90"), fc.jsonValue()),
        requestedAt: fc.oneof(
          fc.constantFrom("2026-07-01T12:30:00.007Z", "2026-07-01T12:30:00.007", "2026-07-01"),
          fc.jsonValue(),
        ),
        more: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
);

test("whatever is answered with 200, only what is clear settles, and nothing refuses", () => {
  fc.assert(
    fc.property(bodies, fc.boolean(), fc.nat(400), (whole, complete, cut) => {
      const body = whole.slice(0, whole.length - Math.max(0, cut - 300));
      const { kind } = classify({ ...WHOLE, body, complete }, CHARGE);
      expect(["accepted", "unknown"]).toContain(kind);
      if (kind === "unknown") return;
      expect(complete).toBe(true);
      const said = JSON.parse(body);
      expect(typeof said.message).toBe("string");
      expect([undefined, ID]).toContain(said.correlationId);
      expect([undefined, 19.9]).toContain(said.amount);
      expect([undefined, "2026-07-01T12:30:00.007"]).toContain(said.requestedAt?.replace("Z", ""));
    }),
    { numRuns: 2_000 },
  );
});

test("whatever a look is answered with, only a payment of this id with amount and instant is found", () => {
  fc.assert(
    fc.property(
      fc.oneof({ weight: 1, arbitrary: fc.constant(200) }, { weight: 1, arbitrary: fc.nat(599) }),
      bodies,
      fc.boolean(),
      (status, body, complete) => {
        const look = classifyLook({ status, body, complete, retryAfter: null }, ID);
        if (look.kind !== "found") return;
        expect({ status, complete }).toEqual({ status: 200, complete: true });
        const { correlationId, amount, requestedAt } = JSON.parse(body);
        expect(correlationId).toBe(ID);
        expect(typeof amount).toBe("number");
        expect(requestedAt).toStartWith("2026-07-01T12:30:00.007");
      },
    ),
    { numRuns: 2_000 },
  );
});

test("numbers keep every digit that they are written with", () => {
  const fields = readFields('{"sum":70368744177664.010,"list":[1.50]}');
  const decimal = (text: string) => new Decimal(text);
  expect(fields).toEqual({ sum: decimal("70368744177664.010"), list: [decimal("1.50")] });
});

test.each<[string, ReturnType<typeof readAmount>]>([
  ["19.90", { cents: 1_990 }],
  ["19.9000", { cents: 1_990 }],
  ["-19.90", { cents: -1_990 }],
  ["19.905", { cents: null }],
  ["0.001", { cents: null }],
  ["19.900000000000002", null],
  ["1.99e1", null],
  ["1e400", null],
])("an amount of %s", (text, read) => {
  expect(readAmount(new Decimal(text))).toEqual(read);
});

test.each([
  [null, 0],
  ["5", 5_000],
  ["0", 0],
  ["60", 10_000],
  ["999999999", 10_000],
  ["9999999999999999999999", 10_000],
  ["-5", 0],
  ["1.5", 0],
  ["0x10", 0],
  ["Infinity", 0],
  ["Wed, 21 Oct 2026 07:28:00 GMT", 0],
])("a Retry-After of %p, of which 10 s are granted, is %p ms", (header, ms) => {
  expect(readRetryAfterMs(header, 10_000)).toBe(ms);
});
