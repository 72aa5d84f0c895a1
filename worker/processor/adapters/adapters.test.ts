import { describe, expect, test } from "bun:test";
import { CHARGE, keepsTheContract } from "./adapter.contract.ts";
import type { Adapter } from "./adapter.ts";
import { ADAPTER_MS_MAX, whyNotUsable } from "./check.ts";
import { guarded } from "./guarded.ts";
import { clientOf, RINHA, stripe, STRIPE } from "./kinds.fixture.ts";
import { adapterOf } from "./kinds.ts";
import { rinha } from "./rinha.ts";
import { stripeIn } from "./stripe.ts";
import { rawServer, whole } from "../../processor.fixture.ts";
import { HttpProcessor } from "../../processor.ts";

keepsTheContract(RINHA);
keepsTheContract(STRIPE);
keepsTheContract({
  ...RINHA,
  name: "rinha, guarded",
  adapter: guarded(rinha),
  clientOf: clientOf(guarded(rinha)),
});

describe("stripe", () => {
  test("is sent our id as its key, the amount in cents, and nothing of the instant", () => {
    const { path, headers, body } = stripe.charge(CHARGE);
    expect(path).toBe("/v1/payment_intents");
    expect(headers).toEqual({ "Idempotency-Key": CHARGE.correlationId });
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      amount: "1990",
      currency: "brl",
      confirm: "true",
      off_session: "true",
      "automatic_payment_methods[enabled]": "true",
      "automatic_payment_methods[allow_redirects]": "never",
      "metadata[correlation_id]": CHARGE.correlationId,
      payment_method: "pm_card_visa",
    });
    expect(stripe.charge({ ...CHARGE, requestedAtMs: 0 })).toEqual(stripe.charge(CHARGE));
  });

  test("says which code a card was declined with, and that it is final", () => {
    const error = { type: "card_error", code: "card_declined", decline_code: "lost_card" };
    const answer = {
      status: 402,
      body: JSON.stringify({ error }),
      complete: true,
      retryAfter: null,
    };
    expect(stripe.classifyCharge(answer, CHARGE)).toEqual({
      kind: "rejected",
      reason: "402: card_declined, lost_card",
      isFinal: true,
      code: "lost_card",
    });
    const only = { ...answer, body: answer.body.replace("decline_code", "other") };
    expect(stripe.classifyCharge(only, CHARGE)).toMatchObject({ code: "card_declined" });
    const odd = { ...answer, body: answer.body.replace("lost_card", "no word") };
    expect(stripe.classifyCharge(odd, CHARGE)).not.toContainKey("code");
  });

  test("takes no currency whose amounts are not in hundredths", () => {
    expect(() => stripeIn("JPY")).toThrow("not in hundredths");
    expect(() => stripeIn("reais")).toThrow("not in hundredths");
  });
});

describe("the client of a configured processor", () => {
  test("sends the secret as its kind has it, and the headers that are configured", async () => {
    using server = rawServer({ text: whole(503) });
    const setting = { url: server.url, kind: "stripe", currency: "BRL", secret: "sk_test_1" };
    const headers = { "Stripe-Version": "2026-01-28" };
    const client = await HttpProcessor.of({ ...setting, headers }, 5_000);
    await client.charge(CHARGE);
    expect(server.received[0]).toContain("\r\nAuthorization: Bearer sk_test_1\r\n");
    expect(server.received[0]).toContain("\r\nStripe-Version: 2026-01-28\r\n");
    expect(server.received[0]).toContain("\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    expect(client.healthEveryMs).toBeNull();
  });

  test.each([
    [{ kind: "stripe" }, "needs a currency"],
    [{ kind: "paypal" }, "neither rinha nor stripe nor a path"],
    [{ kind: "./is-not-there.ts" }, "cannot be loaded"],
    [{ kind: "./worker/limits.ts" }, "cannot be used: it is no adapter"],
  ])("is not made of %p", async (setting, why) => {
    await expect(adapterOf(setting)).rejects.toThrow(why);
  });
});

describe("a file's adapter is not used when", () => {
  const broken: [string, Partial<Adapter>, string][] = [
    ["it has no charge", { charge: undefined as never }, "no adapter"],
    ["it remembers for no time", { remembersForMs: 0 }, "no adapter"],
    [
      "it throws",
      {
        charge: () => {
          throw new Error("oh");
        },
      },
      "it throws: oh",
    ],
    ["its path is none", { charge: () => ({ path: "payments" }) }, "no call"],
    ["its path ends a line", { charge: () => ({ path: "/a HTTP/1.1\r\nX: y" }) }, "no call"],
    [
      "its header ends a line",
      { charge: () => ({ path: "/a", headers: { a: "b\r\nc" } }) },
      "no call",
    ],
    [
      "no attempt is like the one before",
      { charge: () => ({ path: "/a", body: `${Math.random()}` }) },
      "other bytes",
    ],
    [
      "it forgets the amount",
      { charge: ({ correlationId }) => ({ path: `/${correlationId}` }) },
      "leaves out the amount",
    ],
    [
      "it forgets the id",
      { charge: ({ amountCents }) => ({ path: `/${amountCents}` }) },
      "leaves out the correlationId",
    ],
    [
      "it takes anything for a refusal",
      { classifyCharge: () => ({ kind: "refused", reason: "", overloaded: false }) },
      "is refused, not unknown",
    ],
    [
      "it takes anything for a charge",
      { classifyCharge: () => ({ kind: "accepted" }) },
      "is accepted, not unknown",
    ],
    [
      "it takes anything for absence",
      {
        lookup: { call: () => ({ path: "/a" }), classify: () => ({ kind: "nothing", reason: "" }) },
      },
      "a look that is answered 299 is nothing",
    ],
    [
      "it asks for health all the time",
      { health: { ...rinha.health!, everyMs: 1 } },
      "more often than",
    ],
  ];
  test.each(broken)("%s", (_, changes, why) => {
    expect(whyNotUsable({ ...rinha, ...changes })).toContain(why);
  });
});

describe("an adapter of somebody's own that", () => {
  const answer = { status: 200, body: '{"message":"x"}', complete: true, retryAfter: null };
  const said = (changes: Partial<Adapter>, nowMs?: () => number) =>
    guarded({ ...rinha, ...changes }, nowMs).classifyCharge(answer, CHARGE);

  test("throws, or gives nonsense, or a promise, is unknown with the cause", () => {
    const throwing = () => {
      throw new Error("no idea");
    };
    expect(said({ classifyCharge: throwing })).toEqual({
      kind: "unknown",
      reason: "the adapter's classifyCharge threw: no idea",
    });
    for (const nonsense of [
      null,
      7,
      {},
      { kind: "fine" },
      { kind: "refused" },
      { kind: "rejected", reason: "no", code: 51 },
      { kind: "rejected", reason: "no", code: "two words" },
      Promise.resolve(),
    ]) {
      expect(said({ classifyCharge: () => nonsense as never })).toEqual({
        kind: "unknown",
        reason: "the adapter's classifyCharge gave nonsense",
      });
    }
  });

  test("takes long is not believed", () => {
    let nowMs = 0;
    const slow = () => {
      nowMs += ADAPTER_MS_MAX + 1;
      return { kind: "accepted" } as const;
    };
    expect(said({ classifyCharge: slow }, () => nowMs)).toMatchObject({ kind: "unknown" });
  });

  test("changes what it is handed changes nothing of ours", () => {
    const charge = { ...CHARGE };
    const greedy = (_: unknown, payment: { amountCents: number }) => {
      payment.amountCents = 1;
      return { kind: "accepted" } as const;
    };
    const adapter = guarded({ ...rinha, classifyCharge: greedy as never });
    expect(adapter.classifyCharge(answer, charge).kind).toBe("unknown");
    expect(charge).toEqual(CHARGE);
  });

  test("cannot say what to send has sent nothing: refused, and looks are unclear", async () => {
    using server = rawServer({ text: whole(200, '{"message":"x"}') });
    const fault = () => {
      throw new Error("no idea");
    };
    const adapter = guarded({
      ...rinha,
      charge: fault,
      lookup: { ...rinha.lookup!, call: fault },
    });
    const client = clientOf(adapter)(server.url, 5_000);
    expect(await client.charge(CHARGE)).toEqual({
      kind: "refused",
      reason: "the adapter's charge threw: no idea",
      overloaded: false,
    } as never);
    expect((await client.look(CHARGE)).kind).toBe("unclear");
    expect(server.received).toEqual([]);
  });

  test("has other bytes for the second attempt sends nothing", async () => {
    using server = rawServer({ text: whole(200, '{"message":"x"}') });
    let attempts = 0;
    const adapter = guarded({ ...rinha, charge: () => ({ path: `/${attempts++}`, body: "" }) });
    expect((await clientOf(adapter)(server.url, 5_000).charge(CHARGE)).kind).toBe("refused");
    expect(server.received).toEqual([]);
  });
});
