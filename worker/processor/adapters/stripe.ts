/**
 * Stripe's PaymentIntents, created and confirmed in one call, with our id as its Idempotency-Key. For at
 * least 24 h Stripe repeats the first answer that a key got, whatever has become of the payment since, and
 * after it a key is new. So nothing is sent again after that, and what an answer left open (a 500,
 * *processing*) is never told by another charge: it is looked for by our id in the payment's metadata.
 *
 * The body says nothing of the instant or the attempt: a key is refused with another body than its first,
 * and a payment that comes back here after a refusal has to be the same request.
 *
 * Sources: docs.stripe.com/api/idempotent_requests, /error-low-level (401, 429 and most 400s come before the
 * layer that remembers keys), /api/errors, /search (behind by a minute, in trouble by an hour).
 */
import type { Payment } from "../../../shared/payment.ts";
import { Decimal, readFields, type Fields } from "../words.ts";
import {
  CODE,
  type Adapter,
  type Charged,
  type HttpAnswer,
  type HttpCall,
  type LookOutcome,
} from "./adapter.ts";
import type { Charge } from "../charge.ts";

/** An hour less than Stripe promises: for clocks that differ, and for calls that are long on their way. */
const REMEMBERS_FOR_MS = 23 * 3_600_000;
/** Currencies whose smallest unit, in Stripe's API, is no hundredth: our amounts are hundredths. */
const NOT_IN_HUNDREDTHS = new Set(
  "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF BHD JOD KWD OMR TND".split(" "),
);
const ID_IN_METADATA = "correlation_id";

/** `currency`: three letters of ISO 4217. Throws when its amounts are not in hundredths. */
export function stripeIn(currency: string): Adapter {
  if (!/^[A-Z]{3}$/.test(currency) || NOT_IN_HUNDREDTHS.has(currency)) {
    throw new Error(`the kind stripe takes no amounts in ${currency}: they are not in hundredths`);
  }
  return {
    charge: (payment) => chargeIn(currency, payment),
    classifyCharge: (answer, payment) => classifyIn(currency, answer, payment),
    lookup: {
      call: searchFor,
      classify: (answer, payment) => classifySearch(currency, answer, payment),
    },
    remembersForMs: REMEMBERS_FOR_MS,
  };
}

function chargeIn(currency: string, { correlationId, amountCents, source }: Charge): HttpCall {
  const form = new URLSearchParams({
    amount: String(amountCents),
    currency: currency.toLowerCase(),
    confirm: "true",
    off_session: "true",
    // Without it Stripe asks for an address to send the customer back to, and nobody is there to be sent.
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
    [`metadata[${ID_IN_METADATA}]`]: correlationId,
    ...(source === undefined ? {} : { payment_method: source }),
  });
  return {
    path: "/v1/payment_intents",
    headers: { "Idempotency-Key": correlationId },
    contentType: "application/x-www-form-urlencoded",
    body: form.toString(),
  };
}

function classifyIn(currency: string, answer: HttpAnswer, payment: Charge): Charged {
  const { status, body, complete } = answer;
  const said = complete ? readFields(body) : null;
  if (said === null && status !== 429) return unknown(`status ${status}, which is not clear`);
  switch (status) {
    case 200:
      return classifyIntent(currency, said as Fields, payment);
    case 402:
      return classifyDecline(errorOf(said), payment);
    case 429:
      return { kind: "refused", reason: "429: too many calls", overloaded: true };
    case 400:
    case 401:
    case 403:
    case 404:
      return classifyMistake(status, errorOf(said));
    default:
      return unknown(`status ${status}${wordsOf(errorOf(said))}`);
  }
}

function classifyIntent(currency: string, intent: Fields, payment: Charge): Charged {
  if (!isOurs(intent, payment)) return unknown("200 that is not about this payment");
  const status = String(intent["status"]);
  if (status !== "succeeded") return unknown(`the payment intent is ${status}`);
  return centsOf(currency, intent) === payment.amountCents
    ? { kind: "accepted" }
    : unknown("200 with another amount or currency");
}

/** A card that is declined leaves its payment intent uncharged, and the key repeats that. */
function classifyDecline(error: Fields | null, payment: Charge): Charged {
  const intent = error?.["payment_intent"];
  const isAnothers = isObject(intent) && !isOurs(intent, payment);
  if (error?.["type"] !== "card_error" || isAnothers) {
    return unknown("402 that is no word about a card of this payment");
  }
  const codes = [error["code"], error["decline_code"]].filter((code) => typeof code === "string");
  const reason = `402: ${codes.join(", ") || "card_error"}`;
  // The last one is the issuer's, and says more than *card_declined*.
  const code = codes.at(-1);
  const isCode = code !== undefined && CODE.test(code);
  return { kind: "rejected", reason, isFinal: true, ...(isCode ? { code } : {}) };
}

/** Answers that come from our key, our account or our request; they are not the payment's fault. */
function classifyMistake(status: number, error: Fields | null): Charged {
  // The key has been used with another amount or source: something is recorded under our id.
  if (error?.["type"] === "idempotency_error") return { kind: "exists" };
  if (error === null) return unknown(`status ${status} without an error of Stripe's`);
  return { kind: "refused", reason: `status ${status}${wordsOf(error)}`, overloaded: false };
}

function searchFor({ correlationId }: Payment): HttpCall {
  const query = encodeURIComponent(`metadata["${ID_IN_METADATA}"]:"${correlationId}"`);
  return { path: `/v1/payment_intents/search?query=${query}` };
}

function classifySearch(currency: string, answer: HttpAnswer, payment: Payment): LookOutcome {
  const { status, body, complete } = answer;
  const reason = `status ${status}`;
  if (status === 429 || status >= 500) return { kind: "unasked", reason };
  const found = status === 200 && complete ? readFields(body)?.["data"] : undefined;
  if (!Array.isArray(found)) return { kind: "unclear", reason: `${reason}, which is not clear` };
  if (!found.every((one) => isObject(one) && isOurs(one, payment))) {
    return { kind: "unclear", reason: "the search gave another payment" };
  }
  const charged = found.filter((one) => one.status === "succeeded");
  if (charged.length > 1) return { kind: "unclear", reason: "more than one charge has this id" };
  const [one] = charged;
  // A search is behind: that it has nothing, or nothing charged, proves nothing even about now.
  if (one === undefined) return { kind: "unasked", reason: notCharged(found) };
  if (one.currency !== currency.toLowerCase()) {
    return { kind: "unclear", reason: "its charge is in another currency" };
  }
  return { kind: "found", amountCents: centsOf(currency, one), requestedAtMs: null };
}

function notCharged(found: readonly Fields[]): string {
  const states = found.map(({ status }) => String(status)).join(", ");
  return states === ""
    ? "its search, which may be behind, has no such payment"
    : `its search, which may be behind, has it as ${states}`;
}

function isOurs(intent: Fields, { correlationId }: Payment): boolean {
  const metadata = intent["metadata"];
  return (
    intent["object"] === "payment_intent" &&
    isObject(metadata) &&
    metadata[ID_IN_METADATA] === correlationId
  );
}

/** Null: no whole cents, or another currency. */
function centsOf(currency: string, intent: Fields): number | null {
  const amount = intent["amount_received"];
  const isCents = amount instanceof Decimal && /^\d{1,15}$/.test(amount.text);
  return isCents && intent["currency"] === currency.toLowerCase() ? Number(amount.text) : null;
}

function errorOf(said: Fields | null): Fields | null {
  const error = said?.["error"];
  return isObject(error) ? error : null;
}

/** The words that Stripe's people look for; its sentence may repeat what the shop has sent. */
function wordsOf(error: Fields | null): string {
  const words = [error?.["type"], error?.["code"], error?.["param"]];
  const said = words.filter((word) => typeof word === "string").join(", ");
  return said === "" ? "" : `: ${said.slice(0, 200)}`;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !(value instanceof Decimal);
}

function unknown(reason: string): Charged {
  return { kind: "unknown", reason };
}
