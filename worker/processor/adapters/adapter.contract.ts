/**
 * The contract that every kind of processor's adapter keeps, whoever has written it: run through the real
 * client against a stand-in that answers byte by byte, and with generated answers. A kind says what its clear
 * answers are; everything else that anybody could answer has to be *unknown*, and a look that says nothing
 * clear must neither find nor miss a payment.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { answer, rawServer, whole, type Raw } from "../../processor.fixture.ts";
import type { Charge } from "../charge.ts";
import type { Adapter, HttpAnswer } from "./adapter.ts";
import { whyNotUsable } from "./check.ts";

/** The client under test, since a part does not know its face. */
export type Client = {
  charge(charge: Charge): Promise<{ readonly kind: string }>;
  look(charge: Charge): Promise<{ readonly kind: string }>;
};
type Said = { readonly status: number; readonly body: string };
type Clear = readonly [name: string, said: Said, kind: string];

export type KindUnderTest = {
  readonly name: string;
  readonly adapter: Adapter;
  readonly clientOf: (url: string, timeoutMs: number) => Client;
  /** Body that says clearly that this charge is recorded, with its id and amount. */
  readonly recorded: (charge: Charge) => string;
  /** Answers to the charge CHARGE that mean something, by their outcome. */
  readonly charges: readonly Clear[];
  /** Answers to a look for CHARGE that mean something. */
  readonly looks: readonly Clear[];
  /** Statuses at which an answer to a charge may prove something. */
  readonly telling: readonly number[];
};

export const CHARGE: Charge = {
  correlationId: "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3",
  amountCents: 1_990,
  requestedAtMs: Date.UTC(2026, 6, 1, 12, 30, 0, 7),
  source: "pm_card_visa",
};
const ANOTHER_ID = { ...CHARGE, correlationId: CHARGE.correlationId.replace("4a", "5b") };
const ANOTHER_AMOUNT = { ...CHARGE, amountCents: 1_991 };
const TIMEOUT_MS = 150;
const HUGE = 200_000;

export function keepsTheContract(kind: KindUnderTest): void {
  const { name, adapter, clientOf, recorded, charges, looks, telling } = kind;
  const patient = 20_000;
  async function charged(raw: Raw, timeoutMs = patient): Promise<string> {
    using server = rawServer(raw);
    return (await clientOf(server.url, timeoutMs).charge(CHARGE)).kind;
  }
  async function looked(raw: Raw): Promise<string> {
    using server = rawServer(raw);
    return (await clientOf(server.url, patient).look(CHARGE)).kind;
  }

  describe(`the adapter ${name}`, () => {
    test("passes the check that every file passes", () => {
      expect(whyNotUsable(adapter)).toBeNull();
    });

    test("sends the same bytes at every attempt, and others for another payment", async () => {
      using server = rawServer({ text: whole(503) });
      const client = clientOf(server.url, patient);
      for (const one of [CHARGE, { ...CHARGE }, ANOTHER_AMOUNT, ANOTHER_ID])
        await client.charge(one);
      const [first, second, ...others] = server.received;
      expect(second).toBe(first as string);
      for (const other of others) expect(other).not.toBe(first as string);
    });

    test.each(charges)("a charge that is answered %s", async (_, { status, body }, outcome) => {
      expect(await charged({ text: whole(status, body) })).toBe(outcome);
    });

    test.each(charges)("%s, cut short, is unknown", async (_, { status, body }) => {
      const head = { "Content-Length": String(body.length + 1), Connection: "close" };
      expect(await charged({ text: answer(status, head, body) })).toBe("unknown");
    });

    test.each([
      ["another id", ANOTHER_ID],
      ["another amount", ANOTHER_AMOUNT],
    ])("an answer about %s is not accepted", async (_, other) => {
      expect(await charged({ text: whole(200, recorded(CHARGE)) })).toBe("accepted");
      expect(await charged({ text: whole(200, recorded(other)) })).toBe("unknown");
    });

    test.each<[string, Raw]>([
      ["something that is not JSON", { text: whole(200, "<html>fine</html>") }],
      ["half an object", { text: whole(200, recorded(CHARGE).slice(0, -1)) }],
      ["a list of it", { text: whole(200, `[${recorded(CHARGE)}]`) }],
      ["it twice", { text: whole(200, recorded(CHARGE).repeat(2)) }],
      [
        "it in something else than UTF-8",
        { bytes: Buffer.from(whole(200, `${recorded(CHARGE)}\xff`), "latin1") },
      ],
      ["it, and its end is the connection's", { text: answer(200, {}, recorded(CHARGE)) }],
      ["it, and a great deal more", { text: whole(200, padded(recorded(CHARGE))) }],
      ["a redirection", { text: answer(302, { Location: "/", "Content-Length": "0" }) }],
      ["nothing but the end", { ending: "end" }],
      ["a reset", { ending: "reset" }],
    ])("a 200 with %s is unknown", async (_, raw) => {
      expect(await charged(raw)).toBe("unknown");
    });

    test("silence is unknown, and so is half an answer and silence", async () => {
      const half = whole(200, recorded(CHARGE)).slice(0, -3);
      expect(await charged({ ending: "stay" }, TIMEOUT_MS)).toBe("unknown");
      expect(await charged({ text: half, ending: "stay" }, TIMEOUT_MS)).toBe("unknown");
    });

    test("an answer with a status that proves nothing is unknown, whatever it says", () => {
      const bodies = fc.oneof(fc.json(), fc.string(), fc.constantFrom(null, "", recorded(CHARGE)));
      fc.assert(
        fc.property(
          fc.integer({ min: 100, max: 599 }),
          bodies,
          fc.boolean(),
          (status, body, complete) => {
            fc.pre(!telling.includes(status));
            const said: HttpAnswer = { status, body, complete, retryAfter: null };
            expect(adapter.classifyCharge(said, CHARGE).kind).toBe("unknown");
          },
        ),
      );
    });

    test("a 200 is accepted or unknown, and accepted only when it still says so", () => {
      const text = recorded(CHARGE);
      fc.assert(
        fc.property(spoilt(text), fc.boolean(), (body, complete) => {
          const { kind: outcome } = adapter.classifyCharge(
            { status: 200, body, complete, retryAfter: null },
            CHARGE,
          );
          expect(["accepted", "unknown"]).toContain(outcome);
          if (outcome === "accepted") expect([complete, isObject(body)]).toEqual([true, true]);
        }),
        { numRuns: 500 },
      );
    });

    test.each(looks)("a look that is answered %s", async (_, { status, body }, outcome) => {
      expect(await looked({ text: whole(status, body) })).toBe(outcome);
    });

    test("a look finds nothing in an answer that is cut short, spoilt, or of another status", () => {
      const { lookup } = adapter;
      if (lookup === undefined) return expect(looks).toEqual([]);
      const [, found] = looks.find(([, , outcome]) => outcome === "found") ?? [];
      if (found === undefined) throw new Error(`${name}: no look that finds`);
      const statuses = fc.oneof(fc.constant(200), fc.integer({ min: 100, max: 599 }));
      fc.assert(
        fc.property(statuses, spoilt(found.body), fc.boolean(), (status, body, complete) => {
          const said = lookup.classify({ status, body, complete, retryAfter: null }, CHARGE);
          if (said.kind !== "found") return;
          expect([status, complete, isObject(body)]).toEqual([200, true, true]);
        }),
        { numRuns: 500 },
      );
    });
  });
}

/** The text with a piece taken out, doubled, or put in. */
function spoilt(text: string): fc.Arbitrary<string> {
  const at = fc.integer({ min: 0, max: text.length });
  const piece = fc.constantFrom("", "{", "}", '"', ",", "0", "null", ' "id":1,', "\u0000");
  return fc.tuple(at, at, piece).map(([from, to, put]) => {
    return text.slice(0, from) + put + text.slice(to);
  });
}

function padded(json: string): string {
  return `{"padding":"${"x".repeat(HUGE)}",${json.slice(1)}`;
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
