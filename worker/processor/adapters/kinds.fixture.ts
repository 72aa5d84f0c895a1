/** Answers that the worker's own kinds get, by their documentation, for the contract of all kinds. */
import { HttpProcessor } from "../../processor.ts";
import { exchangeTo } from "../exchange.ts";
import type { Charge } from "../charge.ts";
import { CHARGE, type KindUnderTest } from "./adapter.contract.ts";
import type { Adapter } from "./adapter.ts";
import { chargeBody, rinha } from "./rinha.ts";
import { stripeIn } from "./stripe.ts";

export function clientOf(adapter: Adapter): KindUnderTest["clientOf"] {
  return (url, timeoutMs) => new HttpProcessor(url, timeoutMs, exchangeTo(url), adapter);
}

const message = '{"message":"something"}';
const recorded = (charge: Charge) => message.replace("}", `,${chargeBody(charge).slice(1)}`);

export const RINHA: KindUnderTest = {
  name: "rinha",
  adapter: rinha,
  clientOf: clientOf(rinha),
  recorded,
  charges: [
    ["200 with its message", { status: 200, body: message }, "accepted"],
    ["422", { status: 422, body: message }, "exists"],
    ["429", { status: 429, body: message }, "refused"],
    ["500 without a body", { status: 500, body: "" }, "refused"],
    ["400", { status: 400, body: message }, "rejected"],
    ["415", { status: 415, body: message }, "rejected"],
  ],
  looks: [
    ["with it", { status: 200, body: chargeBody(CHARGE) }, "found"],
    ["404", { status: 404, body: "" }, "nothing"],
    ["503", { status: 503, body: "" }, "unasked"],
    ["200 with nothing", { status: 200, body: "{}" }, "unclear"],
  ],
  telling: [200, 400, 415, 422, 429, 500],
};

const CURRENCY = "BRL";
export const stripe = stripeIn(CURRENCY);

function intent({ correlationId, amountCents }: Charge, changes: object = {}) {
  return {
    id: "pi_3MtwBwLkdIwHu7ix28a3tqPa",
    object: "payment_intent",
    amount: amountCents,
    amount_received: amountCents,
    currency: "brl",
    metadata: { correlation_id: correlationId },
    status: "succeeded",
    ...changes,
  };
}

const said = (status: number, body: object) => ({ status, body: JSON.stringify(body) });
const error = (status: number, words: object) => said(status, { error: words });
const search = (...data: object[]) =>
  said(200, { object: "search_result", data, has_more: false, url: "/v1/payment_intents/search" });
const declined = { type: "card_error", code: "card_declined", decline_code: "insufficient_funds" };
const uncharged = { status: "requires_payment_method", amount_received: 0 };

export const STRIPE: KindUnderTest = {
  name: "stripe",
  adapter: stripe,
  clientOf: clientOf(stripe),
  recorded: (charge) => JSON.stringify(intent(charge)),
  charges: [
    ["succeeded", said(200, intent(CHARGE)), "accepted"],
    [
      "processing",
      said(200, intent(CHARGE, { status: "processing", amount_received: 0 })),
      "unknown",
    ],
    ["requires_action", said(200, intent(CHARGE, { status: "requires_action" })), "unknown"],
    ["in another currency", said(200, intent(CHARGE, { currency: "usd" })), "unknown"],
    ["a part of it", said(200, intent(CHARGE, { amount_received: 1_000 })), "unknown"],
    ["402, a card", error(402, declined), "rejected"],
    [
      "402, its card",
      error(402, { ...declined, payment_intent: intent(CHARGE, uncharged) }),
      "rejected",
    ],
    [
      "402 of another",
      error(402, { ...declined, payment_intent: intent({ ...CHARGE, correlationId: "x" }) }),
      "unknown",
    ],
    ["402 of no card", error(402, { type: "api_error" }), "unknown"],
    ["400", error(400, { type: "invalid_request_error", code: "parameter_missing" }), "refused"],
    ["400, the key has another body", error(400, { type: "idempotency_error" }), "exists"],
    ["401", error(401, { type: "invalid_request_error" }), "refused"],
    ["403", error(403, { type: "invalid_request_error" }), "refused"],
    ["404", error(404, { type: "invalid_request_error", code: "resource_missing" }), "refused"],
    ["404 of somebody else", said(404, { message: "no such page" }), "unknown"],
    ["409, the key in use", error(409, { type: "idempotency_error" }), "unknown"],
    ["424", error(424, { type: "api_error" }), "unknown"],
    ["429", error(429, { type: "invalid_request_error", code: "rate_limit" }), "refused"],
    ["500", error(500, { type: "api_error" }), "unknown"],
  ],
  looks: [
    ["with it", search(intent(CHARGE)), "found"],
    ["with nothing, yet", search(), "unasked"],
    ["with it, not charged", search(intent(CHARGE, uncharged)), "unasked"],
    ["with it and a failed one", search(intent(CHARGE, uncharged), intent(CHARGE)), "found"],
    ["with two charges", search(intent(CHARGE), intent(CHARGE)), "unclear"],
    ["with another", search(intent({ ...CHARGE, correlationId: "x" })), "unclear"],
    ["in another currency", search(intent(CHARGE, { currency: "usd" })), "unclear"],
    ["429", error(429, { type: "invalid_request_error" }), "unasked"],
    ["500", error(500, { type: "api_error" }), "unasked"],
    ["401", error(401, { type: "invalid_request_error" }), "unclear"],
  ],
  telling: [200, 400, 401, 402, 403, 404, 429],
};
