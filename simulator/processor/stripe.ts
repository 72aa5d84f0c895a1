/**
 * The form of Stripe's payment intents, as far as this gateway speaks it: an Idempotency-Key repeats its
 * first answer for a time, another body under it is refused, and some cards are declined. What a key has
 * forgotten is charged again: then the records have the id a second time, as `ID#2`.
 *
 * A fault strikes before a key is kept, or after all is done: a 500 here is not repeated by its key.
 */
import { answered, type Call, type Whole } from "./call.ts";
import type { Asked, Form } from "./form.ts";
import type { Order, Read } from "./intake.ts";
import type { Records } from "./records.ts";

export type StripeOptions = {
  /** Time for which a key repeats its first answer. */
  readonly forgetAfterMs: number;
  /** Stands for the card of a call that names none, also by its amount; null refuses it, as Stripe does. */
  readonly paymentMethod: string | null | ((amountCents: number) => string);
  /** Time after which a search finds what was made; none, unless another is given. */
  readonly searchBehindMs?: number;
};

type StripeOrder = Order & {
  readonly key: string;
  readonly body: string;
  readonly currency: string;
  readonly paymentMethod: string;
};
type Kept = { readonly body: string; readonly answer: Whole; readonly atMs: number };
type Intent = ReturnType<typeof intentOf>;
type Made = { readonly intent: Intent; readonly atMs: number };

const INTENTS = "/v1/payment_intents";
const ID = "metadata[correlation_id]";
/** Stripe's own test cards that are declined, with code and decline code. */
const DECLINED: Readonly<Record<string, readonly [string, string]>> = {
  pm_card_chargeDeclined: ["card_declined", "generic_decline"],
  pm_card_chargeDeclinedInsufficientFunds: ["card_declined", "insufficient_funds"],
  pm_card_chargeDeclinedLostCard: ["card_declined", "lost_card"],
  pm_card_chargeDeclinedStolenCard: ["card_declined", "stolen_card"],
  pm_card_chargeDeclinedExpiredCard: ["expired_card", "expired_card"],
  pm_card_chargeDeclinedIncorrectCvc: ["incorrect_cvc", "incorrect_cvc"],
  pm_card_chargeDeclinedProcessingError: ["processing_error", "processing_error"],
};

export class StripeForm implements Form {
  readonly failed = failure(500, "api_error");
  readonly broken = failure(500, "api_error");
  readonly turnedAway = failure(429, "invalid_request_error", { code: "rate_limit" });
  readonly #options: StripeOptions;
  readonly #keys = new Map<string, Kept>();
  readonly #intents = new Map<string, Made[]>();
  #made = 0;

  constructor(options: StripeOptions) {
    this.#options = options;
  }

  asked({ method, path, authorization }: Call): Asked {
    if (!/^Bearer sk_./.test(authorization ?? "")) return failure(401, "invalid_request_error");
    if (method === "POST" && path === INTENTS) return "charge";
    if (method === "GET" && path.startsWith(`${INTENTS}/`)) return "find";
    return failure(404, "invalid_request_error", { code: "resource_missing" });
  }

  read({ body, contentType, key }: Call): Read<StripeOrder> {
    const form = new URLSearchParams(body);
    const currency = form.get("currency") ?? "";
    const amount = form.get("amount") ?? "";
    const { paymentMethod: other } = this.#options;
    const stand = typeof other === "function" ? other(Number(amount)) : other;
    const paymentMethod = form.get("payment_method") ?? stand;
    const bad = (param: string) => refused(400, "invalid_request_error", { param });
    if (contentType !== "application/x-www-form-urlencoded") return bad("content-type");
    if (!/^[1-9]\d{0,11}$/.test(amount)) return bad("amount");
    if (!/^[a-z]{3}$/.test(currency)) return bad("currency");
    if (form.get("confirm") !== "true") return bad("confirm");
    if (paymentMethod === null) return bad("payment_method");
    const correlationId = form.get(ID) ?? "";
    const order = { correlationId, amountCents: Number(amount), requestedAtMs: 0 };
    return { ok: true, value: { ...order, key: key ?? "", body, currency, paymentMethod } };
  }

  record(order: StripeOrder, atMs: number, records: Records): Whole {
    const kept = this.#keys.get(order.key);
    if (order.key !== "" && kept !== undefined && atMs - kept.atMs < this.#options.forgetAfterMs) {
      return kept.body === order.body ? replayed(kept.answer) : failure(400, "idempotency_error");
    }
    const answer = this.#charge(order, atMs, records);
    this.#keys.set(order.key, { body: order.body, answer, atMs });
    return answer;
  }

  find({ path }: Call, _records: Records, nowMs: number): Whole {
    const [place = "", query = ""] = path.split("?", 2);
    if (place === `${INTENTS}/search`) {
      const words = new URLSearchParams(query).get("query") ?? "";
      const [, id] = /^metadata\["correlation_id"\]:"([^"]*)"$/.exec(words) ?? [];
      if (id === undefined) return failure(400, "invalid_request_error", { param: "query" });
      const seenMs = nowMs - (this.#options.searchBehindMs ?? 0);
      const made = this.#intents.get(id) ?? [];
      const data = made.filter(({ atMs }) => atMs <= seenMs).map(({ intent }) => intent);
      const found = { object: "search_result", url: place, has_more: false, data };
      return answered(200, JSON.stringify(found));
    }
    const all = [...this.#intents.values()].flat();
    const one = all.find(({ intent }) => place === `${INTENTS}/${intent.id}`);
    if (one === undefined)
      return failure(404, "invalid_request_error", { code: "resource_missing" });
    return answered(200, JSON.stringify(one.intent));
  }

  #charge(order: StripeOrder, atMs: number, records: Records): Whole {
    const { correlationId, amountCents, paymentMethod } = order;
    const declined = DECLINED[paymentMethod];
    const intent = intentOf(order, `pi_${++this.#made}`, declined === undefined, atMs);
    const before = this.#intents.get(correlationId) ?? [];
    this.#intents.set(correlationId, [...before, { intent, atMs }]);
    if (declined !== undefined) {
      const [code, decline_code] = declined;
      return failure(402, "card_error", { code, decline_code, payment_intent: intent });
    }
    const recordedAtMs = Math.floor(atMs);
    const row = { amountCents, requestedAtMs: recordedAtMs, recordedAtMs };
    for (let times = 1; ; times++) {
      const id = times === 1 ? correlationId : `${correlationId}#${times}`;
      if (records.insert({ ...row, correlationId: id })) break;
    }
    return answered(200, JSON.stringify(intent));
  }
}

function intentOf(order: StripeOrder, id: string, isCharged: boolean, atMs: number) {
  const { correlationId, amountCents: amount, currency } = order;
  return {
    id,
    object: "payment_intent",
    amount,
    amount_received: isCharged ? amount : 0,
    created: Math.floor(atMs / 1_000),
    currency,
    metadata: { correlation_id: correlationId },
    status: isCharged ? "succeeded" : "requires_payment_method",
  };
}

function replayed(answer: Whole): Whole {
  return { ...answer, headers: { ...answer.headers, "idempotent-replayed": "true" } };
}

function failure(status: number, type: string, more: object = {}): Whole {
  return answered(status, JSON.stringify({ error: { type, ...more } }));
}

function refused(status: number, type: string, more: object) {
  return { ok: false as const, answer: failure(status, type, more) };
}
