/** The worker's Stripe against a stand-in that remembers keys, over real sockets. */
import { expect, test } from "bun:test";
import { StripeForm } from "../../../simulator/processor/stripe.ts";
import { NO_FAULTS } from "../../../simulator/processor/faults.ts";
import { startSimulator, type Simulator } from "../../../simulator/server.ts";
import { HttpProcessor } from "../../processor.ts";
import { CHARGE } from "./adapter.contract.ts";

const DAY_MS = 86_400_000;

async function stripe({ forgetAfterMs = DAY_MS, secret = "sk_test_1" } = {}) {
  const form = new StripeForm({ forgetAfterMs, paymentMethod: null });
  const stack = new AsyncDisposableStack();
  const at = stack.use(
    startSimulator({ name: "cards", fee: 0.04, host: "127.0.0.1", port: 0, form }),
  );
  const setting = { url: at.url, kind: "stripe", currency: "BRL", secret };
  const client = await HttpProcessor.of(setting, 10_000);
  return { client, at, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function recorded({ model }: Simulator): string[] {
  return [...model.records.values()].map(({ correlationId }) => correlationId);
}

test("a charge is recorded once, however often it is sent, and found by our id", async () => {
  await using there = await stripe();
  const { client, at } = there;
  expect(await client.look(CHARGE)).toMatchObject({ kind: "unasked" });
  for (let times = 0; times < 3; times++) {
    expect(await client.charge(CHARGE)).toMatchObject({ kind: "accepted" });
  }
  // Assigned anew after a refusal, it is the same request.
  const later = { ...CHARGE, requestedAtMs: CHARGE.requestedAtMs + 5_000 };
  expect(await client.charge(later)).toMatchObject({ kind: "accepted" });
  expect(recorded(at)).toEqual([CHARGE.correlationId]);
  expect(await client.look(CHARGE)).toEqual({
    kind: "found",
    amountCents: 1_990,
    requestedAtMs: null,
  });
});

test("another amount under the id exists, and the look shows which is there", async () => {
  await using there = await stripe();
  await there.client.charge(CHARGE);
  const other = { ...CHARGE, amountCents: 2_000 };
  expect(await there.client.charge(other)).toMatchObject({ kind: "exists" });
  expect(await there.client.look(other)).toMatchObject({ kind: "found", amountCents: 1_990 });
  expect(recorded(there.at)).toHaveLength(1);
});

test("a card that is declined is rejected, and the key repeats it", async () => {
  await using there = await stripe();
  const declined = { ...CHARGE, source: "pm_card_chargeDeclinedInsufficientFunds" };
  for (let times = 0; times < 2; times++) {
    expect(await there.client.charge(declined)).toMatchObject({
      kind: "rejected",
      reason: "402: card_declined, insufficient_funds",
      isFinal: true,
      code: "insufficient_funds",
    });
  }
  expect(recorded(there.at)).toEqual([]);
  expect(await there.client.look(declined)).toMatchObject({ kind: "unasked" });
});

test("a mistake of ours is refused with Stripe's words", async () => {
  await using there = await stripe();
  const { source: _, ...without } = CHARGE;
  expect(await there.client.charge(without)).toMatchObject({
    kind: "refused",
    reason: "status 400: invalid_request_error, payment_method",
    overloaded: false,
  });
  await using locked = await stripe({ secret: "pk_test_1" });
  expect(await locked.client.charge(CHARGE)).toMatchObject({ kind: "refused" });
  expect(await locked.client.look(CHARGE)).toMatchObject({ kind: "unclear" });
});

test("a charge whose answer is lost is unknown, and accepted when it is sent again", async () => {
  await using there = await stripe();
  const { client, at } = there;
  at.model.faults = { ...NO_FAULTS, answerLost: 1 };
  expect(await client.charge(CHARGE)).toMatchObject({ kind: "unknown" });
  at.model.faults = { ...NO_FAULTS, errorWithInsert: 1 };
  expect(await client.charge(CHARGE)).toMatchObject({ kind: "unknown" });
  at.model.faults = NO_FAULTS;
  expect(await client.charge(CHARGE)).toMatchObject({ kind: "accepted" });
  expect(recorded(at)).toEqual([CHARGE.correlationId]);
});

test("a key that is forgotten charges a second time, which is why nothing is sent then", async () => {
  await using there = await stripe({ forgetAfterMs: 0 });
  await there.client.charge(CHARGE);
  await there.client.charge(CHARGE);
  expect(recorded(there.at)).toEqual([CHARGE.correlationId, `${CHARGE.correlationId}#2`]);
  expect(await there.client.look(CHARGE)).toMatchObject({ kind: "unclear" });
});
