import { expect, test } from "bun:test";
import { systemClock } from "../../shared/clock.ts";
import { WebhookReceiver, WEBHOOK_SECRET } from "../../testing/webhook-receiver.ts";
import { isPrivate, publicOnly } from "../../shared/net/public.ts";
import type { PaymentEvent } from "../events/event.ts";
import { outcomeOf, senderTo } from "./sender.ts";

const EVENT: PaymentEvent = {
  id: "settled_1",
  correlationId: "1",
  type: "payment.settled",
  endedAtMs: 0,
  body: '{"type":"payment.settled","data":{}}',
};
const REFUSED = { kind: "refused", askedMs: 0 } as const;
const secrets = [WEBHOOK_SECRET] as const;

function sendTo(url: string, more: object = {}) {
  const send = senderTo({ url, secrets, allowPrivate: true }, { timeoutMs: 300, ...more });
  return send(EVENT, systemClock.wallMs());
}

test.each([
  [200, { kind: "taken" }],
  [299, { kind: "taken" }],
  [410, { kind: "gone" }],
  [301, { ...REFUSED, reason: "answered 301, and redirects are not followed" }],
  [404, { ...REFUSED, reason: "answered 404" }],
  [500, { ...REFUSED, reason: "answered 500" }],
] as const)("an answer of %p is clear", (status, outcome) => {
  expect(outcomeOf({ status, retryAfter: null })).toEqual(outcome);
});

test.each([
  ["120", 120_000],
  ["Thu, 01 Jan 1970 00:00:05 GMT", 0],
  ["soon", 0],
  ["-5", 0],
])("a receiver that asks for %p is given as much in whole seconds", (retryAfter, askedMs) => {
  expect(outcomeOf({ status: 503, retryAfter })).toMatchObject({ askedMs });
});

test("whatever a receiver does is an outcome, and costs a bounded time and memory", async () => {
  await using receiver = new WebhookReceiver();
  expect(await sendTo(receiver.url)).toEqual({ kind: "taken" });
  receiver.mood = () => new Response(new ReadableStream({}));
  expect(await sendTo(receiver.url)).toEqual({
    ...REFUSED,
    reason: "no whole answer within 0.3 s",
  });
  const broken = "the connection broke, or it was no answer: GARBAGE";
  receiver.mood = () => new Response("x".repeat(100 * 1024));
  expect(await sendTo(receiver.url)).toEqual({ ...REFUSED, reason: broken });
  receiver.mood = () => new Response(null, { headers: { "x-flood": "x".repeat(1024 * 1024) } });
  expect(await sendTo(receiver.url)).toEqual({ ...REFUSED, reason: broken });
  await receiver.kill();
  expect(await sendTo(receiver.url)).toMatchObject({ kind: "refused" });
  expect(receiver.taken).toHaveLength(1);
});

test("a name that comes to mean a private address is refused at the next connection", async () => {
  const resolve = async () => ["127.0.0.1"];
  const send = senderTo({ url: "http://shop.example/", secrets, allowPrivate: false }, { resolve });
  expect(await send(EVENT, 0)).toMatchObject({
    kind: "refused",
    reason: expect.stringContaining("its address is private"),
  });
  let addresses = ["8.8.8.8"];
  const guarded = publicOnly(async () => addresses);
  expect(await guarded("shop.example")).toEqual(addresses);
  addresses = ["8.8.8.8", "10.0.0.1"];
  await expect(guarded("shop.example")).rejects.toThrow(
    "shop.example is at 10.0.0.1, which is private",
  );
});

test.each([
  "127.0.0.1",
  "10.1.2.3",
  "172.31.0.1",
  "192.168.1.1",
  "169.254.169.254",
  "100.64.0.1",
  "0.0.0.0",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:8.8.8.8",
  "::ffff:7f00:1",
  "64:ff9b::a00:1",
  "fd00::1",
  "fe80::1",
  "fe80::1%eth0",
  "not an address",
])("%s is private", (address) => {
  expect(isPrivate(address)).toBe(true);
});

test.each(["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"])("%s is not", (address) => {
  expect(isPrivate(address)).toBe(false);
});
