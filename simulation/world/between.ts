/**
 * Answers that something between the worker and a processor gives in its place: they look like the
 * processor's at a glance, and prove nothing, whatever the processor itself has done.
 */
import type { Exchange } from "../../worker/processor.ts";
import type { Chance } from "./chance.ts";

type Request = Parameters<Exchange>[0];
type Reply = Awaited<ReturnType<Exchange>>;

export const REJECTION: Reply = {
  status: 400,
  body: '{"message":"no such service"}',
  retryAfter: null,
  complete: true,
};

export const NOT_FOUND: Reply = {
  status: 404,
  body: "<h1>no such backend</h1>",
  retryAfter: null,
  complete: true,
};

export function unclearReply(chance: Chance, { body: sent }: Request): Reply {
  const whole = { status: 200, retryAfter: null, complete: true };
  if (sent === undefined) return { ...whole, body: chance.pick(["[]", "{}", "null", "", "404"]) };
  const message = '"message":"payment processed successfully"';
  const charge = JSON.parse(sent);
  const about = (changes: object) =>
    `{${message},${JSON.stringify({ ...charge, ...changes }).slice(1)}`;
  return chance.pick<Reply>([
    { ...whole, body: "[]" },
    { ...whole, body: "{}" },
    { ...whole, body: `[{${message}}]` },
    { ...whole, body: `{${message}` },
    { ...whole, body: `{"message":null,${message.replace("message", "info")}}` },
    { ...whole, body: `{${message}}`, complete: false },
    { ...whole, body: about({ correlationId: chance.uuid() }) },
    { ...whole, body: about({ amount: charge.amount + 0.01 }) },
    { ...whole, body: about({ requestedAt: "2020-01-01T00:00:00" }) },
    { ...whole, body: null },
    { ...whole, status: 422, body: `{${message}}` },
  ]);
}

/** Prints an instant as the contest's processors do. */
export function withoutZone(reply: Reply): Reply {
  return { ...reply, body: reply.body?.replace(/(:\d\d\.\d{3})Z"/, '$1"') ?? null };
}

const ZONE = { name: "-03:30", ms: -12_600_000 };

/** Prints the same instant in another zone. */
export function inAnotherZone(reply: Reply): Reply {
  const body = reply.body?.replace(/"requestedAt":"([^"]*Z)"/, (_, instant: string) => {
    const there = new Date(Date.parse(instant) + ZONE.ms).toISOString().slice(0, -1);
    return `"requestedAt":"${there}${ZONE.name}"`;
  });
  return { ...reply, body: body ?? null };
}

/** Stands for an answer of Stripe's that is none about this payment, or leaves open what became of it. */
export function unclearIntent(chance: Chance, { body: sent }: Request): Reply {
  const whole = { retryAfter: null, complete: true };
  if (sent === undefined) {
    const body = chance.pick(["[]", "{}", "null", "", '{"data":[{}]}', '{"data":{}}']);
    return { ...whole, status: 200, body };
  }
  const form = new URLSearchParams(sent);
  const amount = Number(form.get("amount"));
  const ours = {
    object: "payment_intent",
    amount_received: amount,
    currency: form.get("currency"),
    metadata: { correlation_id: form.get("metadata[correlation_id]") },
    status: "succeeded",
  };
  const others = { ...ours, metadata: { correlation_id: chance.uuid() } };
  const said = (status: number, value: object) => ({
    ...whole,
    status,
    body: JSON.stringify(value),
  });
  const failed = (status: number, type: string, more: object = {}) =>
    said(status, { error: { type, ...more } });
  return chance.pick<Reply>([
    said(200, {}),
    said(200, []),
    said(200, others),
    said(200, { ...ours, status: "processing" }),
    said(200, { ...ours, amount_received: amount + 1 }),
    { ...said(200, ours), complete: false },
    { ...whole, status: 200, body: null },
    failed(402, "card_error", { code: "card_declined", payment_intent: others }),
    failed(402, "api_error"),
    failed(400, "idempotency_error"),
    failed(409, "idempotency_error"),
    { ...whole, status: 400, body: "<h1>bad request</h1>" },
  ]);
}
