import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { pack } from "msgpackr";
import { AMOUNT_CENTS_MAX, DATAGRAM_BYTES_MAX } from "../limits.ts";
import {
  bytesOf,
  decodePay,
  decodeVerdicts,
  ELSEWHERE_PER_FRAME_MAX,
  encodeElsewhere,
  encodePay,
  encodeVerdicts,
  linkKeys,
  PAYMENTS_PER_FRAME_MAX,
  VERDICTS_PER_FRAME_MAX,
  type CodedVerdict,
  type Decoded,
} from "./frame.ts";
import { payment, sealByHand, uuid } from "./link.fixture.ts";

const SEED = 20_250_801;
const keys = linkKeys("a secret");
const HEAD = { instance: 0xffff_ffff_ffff, incarnation: 0xffff_ffff, sequence: 0xffff_ffff };

/** Written by the version before there was another kind. */
const GOLDEN =
  "0101ffffffffffffffffffffffffffff94d92434613739303162382d376432362d346439642d616131392d303030303030303030303031cd07c6d92434613739303162382d376432362d346439642d616131392d303030303030303030303032cb42374876e8000000cf060b63bdb0cc810f0d8d9ac10a4fe3";

const heads = fc.record({
  instance: fc.maxSafeNat().map((n) => n % 2 ** 48),
  incarnation: fc.nat({ max: 0x7fff_ffff }).map((n) => n * 2),
  sequence: fc.nat({ max: 0x7fff_ffff }).map((n) => n * 2 + 1),
});
const ids = fc.uuid({ version: [1, 4, 7] });
const payments = fc.array(
  fc.record({
    correlationId: ids,
    amountCents: fc.integer({ min: 1, max: AMOUNT_CENTS_MAX }),
  }),
  { maxLength: PAYMENTS_PER_FRAME_MAX },
);
const verdict: fc.Arbitrary<CodedVerdict["verdict"]> = fc.oneof(
  fc.constantFrom<CodedVerdict["verdict"]>(
    { kind: "stored" },
    { kind: "duplicate" },
    { kind: "conflict" },
    { kind: "invalid" },
  ),
  fc.nat({ max: 0x7fff_ffff }).map((retryAfterMs) => ({ kind: "busy" as const, retryAfterMs })),
);
const verdicts = fc.array(
  fc.record({ sequence: fc.nat({ max: 0x7fff_ffff }), correlationId: ids, verdict }),
  { maxLength: VERDICTS_PER_FRAME_MAX },
);

function check<T>(property: fc.IProperty<T>, numRuns: number = 300): void {
  fc.assert(property, { seed: SEED, numRuns });
}

function reasonOf(decoded: Decoded<unknown>): string {
  return decoded.ok ? "a frame" : decoded.reason;
}

describe("a frame", () => {
  test("of payments comes back as it was", () => {
    check(
      fc.property(heads, payments, (head, sent) => {
        const bytes = encodePay(keys.pay, head, sent);
        const decoded = decodePay(keys.pay, bytes);
        expect(decoded).toEqual({ ok: true, frame: { kind: "pay", ...head, payments: sent } });
      }),
    );
  });

  test("of payments that carry more comes back as it was, in a kind of its own", () => {
    const source = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 255 });
    const unit = fc.constantFrom("a", "é", "€", "🦙");
    const reference = fc.string({ unit, minLength: 1, maxLength: 64 });
    const carrying = fc.record(
      { correlationId: ids, amountCents: fc.integer({ min: 1, max: 9 }), source, reference },
      { requiredKeys: ["correlationId", "amountCents"] },
    );
    const some = fc.array(carrying, { minLength: 1, maxLength: 2 });
    check(
      fc.property(heads, some, (head, sent) => {
        const bytes = encodePay(keys.pay, head, sent);
        expect(bytes[1]).toBe(sent.some((one) => "source" in one || "reference" in one) ? 3 : 1);
        const decoded = decodePay(keys.pay, bytes);
        expect(decoded).toEqual({ ok: true, frame: { kind: "pay", ...head, payments: sent } });
        const most = sent.reduce((all, one) => all + bytesOf(one), 0);
        expect(bytes.length - 32 - 3).toBeLessThanOrEqual(most);
      }),
    );
  });

  test("of payments of id and amount has the bytes that it always had", () => {
    const bytes = encodePay(keys.pay, HEAD, [payment(1), payment(2, AMOUNT_CENTS_MAX)]);
    expect(bytes.toString("hex")).toBe(GOLDEN);
  });

  test("of verdicts comes back as it was", () => {
    check(
      fc.property(heads, verdicts, (head, sent) => {
        const bytes = encodeVerdicts(keys.verdict, head, sent);
        const decoded = decodeVerdicts(keys.verdict, bytes);
        expect(decoded).toEqual({ ok: true, frame: { kind: "verdict", ...head, verdicts: sent } });
      }),
    );
  });

  test("of verdicts elsewhere comes back as it was, in a kind of its own", () => {
    const elsewhere = fc.record({
      sequence: fc.nat({ max: 0x7fff_ffff }),
      correlationId: ids,
      verdict: fc.record({ kind: fc.constant("elsewhere" as const), mapVersion: fc.maxSafeNat() }),
    });
    const some = fc.array(elsewhere, { maxLength: ELSEWHERE_PER_FRAME_MAX });
    check(
      fc.property(heads, some, (head, sent) => {
        const bytes = encodeElsewhere(keys.verdict, head, sent);
        expect(bytes[1]).toBe(4);
        const decoded = decodeVerdicts(keys.verdict, bytes);
        expect(decoded).toEqual({ ok: true, frame: { kind: "verdict", ...head, verdicts: sent } });
      }),
    );
  });

  test("that is full of the largest values fits a datagram", () => {
    const full = Array.from({ length: PAYMENTS_PER_FRAME_MAX }, (_, n) =>
      payment(n, AMOUNT_CENTS_MAX),
    );
    const pay = encodePay(keys.pay, HEAD, full);
    expect(pay.length).toBeLessThanOrEqual(DATAGRAM_BYTES_MAX);
    expect(decodePay(keys.pay, pay)).toMatchObject({ ok: true, frame: { payments: full } });
    const answers = Array.from({ length: VERDICTS_PER_FRAME_MAX }, (_, n) => ({
      sequence: 0xffff_ffff,
      correlationId: uuid(n),
      verdict: { kind: "busy", retryAfterMs: 0xffff_ffff } as const,
    }));
    const back = encodeVerdicts(keys.verdict, HEAD, answers);
    expect(back.length).toBeLessThanOrEqual(DATAGRAM_BYTES_MAX);
    expect(decodeVerdicts(keys.verdict, back)).toMatchObject({
      ok: true,
      frame: { verdicts: answers },
    });
    const others = Array.from({ length: ELSEWHERE_PER_FRAME_MAX }, (_, n) => ({
      sequence: 0xffff_ffff,
      correlationId: uuid(n),
      verdict: { kind: "elsewhere", mapVersion: Number.MAX_SAFE_INTEGER } as const,
    }));
    const elsewhere = encodeElsewhere(keys.verdict, HEAD, others);
    expect(elsewhere.length).toBeLessThanOrEqual(DATAGRAM_BYTES_MAX);
    expect(decodeVerdicts(keys.verdict, elsewhere)).toMatchObject({
      ok: true,
      frame: { verdicts: others },
    });
  });

  test("with an amount beyond what sums are exact for is dropped", () => {
    const bytes = encodePay(keys.pay, HEAD, [payment(1, AMOUNT_CENTS_MAX + 1)]);
    expect(reasonOf(decodePay(keys.pay, bytes))).toBe("payload");
  });

  test.each([
    ["an empty source", ["", null]],
    ["a source that is a number", [5, null]],
    ["a source beyond ASCII", ["é", null]],
    ["a reference that is too long", [null, "x".repeat(65)]],
    ["a reference with a control character", [null, "\u0000"]],
    ["nothing said of the reference", ["x"]],
  ])("with %s is dropped", (_, more) => {
    const bytes = sealByHand(keys.pay, pack([uuid(1), 1, ...more]), { kind: 3 });
    expect(reasonOf(decodePay(keys.pay, bytes))).toBe("payload");
  });

  test("has another key for each direction and each secret", () => {
    const all = [keys.pay, keys.verdict, linkKeys(null).pay, linkKeys(null).verdict];
    expect(new Set(all.map((key) => key.toString("hex"))).size).toBe(4);
    expect(linkKeys("a secret")).toEqual(keys);
  });

  test("that is too long is not made", () => {
    const tooMany = Array.from({ length: PAYMENTS_PER_FRAME_MAX + 6 }, (_, n) => payment(n));
    expect(() => encodePay(keys.pay, HEAD, tooMany)).toThrow("frame of");
  });
});

describe("bytes that are no frame", () => {
  const both: [string, (bytes: Buffer) => Decoded<unknown>, Buffer][] = [
    [
      "payments",
      (bytes) => decodePay(keys.pay, bytes),
      encodePay(keys.pay, HEAD, [payment(1), payment(2)]),
    ],
    [
      "verdicts",
      (bytes) => decodeVerdicts(keys.verdict, bytes),
      encodeVerdicts(keys.verdict, HEAD, [
        { sequence: 1, correlationId: uuid(1), verdict: { kind: "busy", retryAfterMs: 5 } },
      ]),
    ],
    [
      "verdicts elsewhere",
      (bytes) => decodeVerdicts(keys.verdict, bytes),
      encodeElsewhere(keys.verdict, HEAD, [
        { sequence: 1, correlationId: uuid(1), verdict: { kind: "elsewhere", mapVersion: 5 } },
      ]),
    ],
  ];

  test.each(both)("truncated %s", (_, decode, frame) => {
    for (let length = 0; length < frame.length; length++) {
      const expected = length <= 32 ? "length" : "mac";
      expect(reasonOf(decode(frame.subarray(0, length)))).toBe(expected);
    }
  });

  test.each(both)("%s with any one bit flipped", (_, decode, frame) => {
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const flipped = Buffer.from(frame);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(reasonOf(decode(flipped))).toBe("mac");
    }
  });

  test.each(both)("random ones read as %s", (_, decode) => {
    check(
      fc.property(fc.uint8Array({ maxLength: 1_400 }), (random) => {
        const length = random.length <= 32 || random.length > DATAGRAM_BYTES_MAX;
        expect(reasonOf(decode(Buffer.from(random)))).toBe(length ? "length" : "mac");
      }),
    );
  });

  test.each(both)("%s with something behind", (_, decode, frame) => {
    expect(reasonOf(decode(Buffer.concat([frame, Buffer.alloc(1)])))).toBe("mac");
    expect(reasonOf(decode(Buffer.concat([frame, Buffer.alloc(DATAGRAM_BYTES_MAX)])))).toBe(
      "length",
    );
  });

  test("a frame under another secret", () => {
    const other = linkKeys("another secret");
    expect(reasonOf(decodePay(other.pay, encodePay(keys.pay, HEAD, [payment(1)])))).toBe("mac");
    expect(reasonOf(decodePay(linkKeys(null).pay, encodePay(keys.pay, HEAD, [])))).toBe("mac");
  });

  test("payments sent back as verdicts, and the other way round", () => {
    const pay = encodePay(keys.pay, HEAD, [payment(1)]);
    expect(reasonOf(decodeVerdicts(keys.verdict, pay))).toBe("mac");
    // Even if both directions had one key, the kind tells them apart.
    expect(reasonOf(decodeVerdicts(keys.pay, pay))).toBe("kind");
    expect(reasonOf(decodePay(keys.verdict, encodeVerdicts(keys.verdict, HEAD, [])))).toBe("kind");
  });

  test.each([0, 2, 255])("version %d", (version) => {
    const bytes = sealByHand(keys.pay, pack([uuid(1), 1]), { version });
    expect(reasonOf(decodePay(keys.pay, bytes))).toBe("version");
  });
});

describe("a frame with a valid MAC and a wrong payload is dropped:", () => {
  const pay = (payload: Uint8Array) =>
    reasonOf(decodePay(keys.pay, sealByHand(keys.pay, payload, { kind: 1 })));
  const answer = (payload: Uint8Array) =>
    reasonOf(decodeVerdicts(keys.verdict, sealByHand(keys.verdict, payload, { kind: 2 })));

  test("the hand that seals here makes frames that are taken", () => {
    expect(pay(pack([uuid(1), 1990]))).toBe("a frame");
    expect(pay(pack([]))).toBe("a frame");
    expect(answer(pack([9, uuid(1), 3, 1000]))).toBe("a frame");
  });

  test.each([
    -1,
    0,
    -0,
    0.5,
    19.9,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    1e300,
    2n ** 63n,
    "1990",
    null,
    true,
    [[1990]],
    { cents: 1 },
    new Date(0),
  ])("an amount of %p", (amount: unknown) => {
    expect(pay(pack([uuid(1), amount]))).toBe("payload");
  });

  test.each([
    "",
    "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b",
    "4a7901b87d264d9daa194dc1c7cf60b3",
    "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60bg",
    "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3 ",
    "{a7901b8-7d26-4d9d-aa19-4dc1c7cf60b}",
    "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60\u0131\u0131",
    "'; DROP TABLE payments; --------------",
    7,
    null,
    [[uuid(1)]],
    Buffer.alloc(16),
  ])("an id of %p", (id: unknown) => {
    expect(pay(pack([id, 1990]))).toBe("payload");
  });

  test.each([
    ["half a payment", pack([uuid(1)])],
    [
      "one payment more than a frame holds",
      pack(Array.from({ length: 25 }, (_, n) => [uuid(n), 1]).flat()),
    ],
    ["a map", pack({ 0: uuid(1), 1: 1990 })],
    ["a number", pack(5)],
    ["a string", pack(uuid(1))],
    ["nothing", pack(null)],
    ["two arrays", Buffer.concat([pack([]), pack([])])],
    ["an array cut short", pack([uuid(1), 1990]).subarray(0, 30)],
    ["an array that says it has four thousand million items", Buffer.from("ddffffffff01", "hex")],
    ["a string that says it is longer than the frame", Buffer.from("92dbffffffff61", "hex")],
    ["arrays in arrays", Buffer.alloc(1_100, 0x91)],
    ["a record of msgpackr", Buffer.from("91d4724091a16101", "hex")],
    ["a byte that msgpack does not use", Buffer.from("c1", "hex")],
  ])("%s", (_, payload) => {
    expect(pay(payload)).toBe("payload");
  });

  test.each([
    ["a code that is none", pack([9, uuid(1), 5, 0])],
    ["a negative code", pack([9, uuid(1), -1, 0])],
    ["a fraction of a code", pack([9, uuid(1), 0.5, 0])],
    ["the name of a property as code", pack([9, uuid(1), "length", 0])],
    ["a negative delay", pack([9, uuid(1), 3, -1])],
    ["a delay that is no number", pack([9, uuid(1), 3, Number.NaN])],
    ["a negative sequence", pack([-9, uuid(1), 0, 0])],
    ["a sequence that is text", pack(["9", uuid(1), 0, 0])],
    ["an id that is a number", pack([9, 1, 0, 0])],
    ["three quarters of a verdict", pack([9, uuid(1), 0])],
    [
      "more verdicts than a frame holds",
      pack(Array.from({ length: 24 }, (_, n) => [9, uuid(n), 0, 0]).flat()),
    ],
  ])("%s", (_, payload) => {
    expect(answer(payload)).toBe("payload");
  });

  test.each([
    ["two thirds of a verdict elsewhere", pack([9, uuid(1)])],
    ["a version that is negative", pack([9, uuid(1), -1])],
    ["a version that is a fraction", pack([9, uuid(1), 0.5])],
    ["a version beyond what is exact", pack([9, uuid(1), 2 ** 53])],
    ["a version that is nothing", pack([9, uuid(1), null])],
    ["a sequence of an elsewhere that is text", pack(["9", uuid(1), 5])],
    ["an id of an elsewhere that is a number", pack([9, 1, 5])],
    [
      "more verdicts elsewhere than a frame holds",
      pack(Array.from({ length: 23 }, (_, n) => [9, uuid(n), 5]).flat()),
    ],
  ])("%s", (_, payload) => {
    const bytes = sealByHand(keys.verdict, payload, { kind: 4 });
    expect(reasonOf(decodeVerdicts(keys.verdict, bytes))).toBe("payload");
  });

  test("random bytes, and frames after them are read as ever", () => {
    const good = encodePay(keys.pay, HEAD, [payment(1, 65)]);
    const firsts = [0x90, 0x92, 0xdc, 0xdd, 0xc7, 0xc8, 0xd4, 0xd5, 0x62, 0x72, 0x82];
    const payload = fc
      .tuple(fc.option(fc.constantFrom(...firsts)), fc.uint8Array({ minLength: 1, maxLength: 120 }))
      .map(([first, bytes]) => Uint8Array.from(first === null ? bytes : [first, ...bytes]));
    check(
      fc.property(payload, (bytes) => {
        const decoded = decodePay(keys.pay, sealByHand(keys.pay, bytes));
        if (decoded.ok) {
          // Chance may hit on an array, but only on one that says what a frame may say.
          for (const { correlationId, amountCents } of decoded.frame.payments) {
            expect(correlationId).toMatch(/^[0-9a-f-]{36}$/);
            expect(amountCents).toBeGreaterThan(0);
          }
        } else expect(decoded.reason).toBe("payload");
        expect(decodePay(keys.pay, good)).toMatchObject({
          ok: true,
          frame: { payments: [payment(1, 65)] },
        });
      }),
      3_000,
    );
  });
});

test("an id in capitals is taken in its canonical form", () => {
  const bytes = sealByHand(keys.pay, pack([uuid(0xabc).toUpperCase(), 1]));
  expect(decodePay(keys.pay, bytes)).toMatchObject({
    ok: true,
    frame: { payments: [payment(0xabc, 1)] },
  });
});
