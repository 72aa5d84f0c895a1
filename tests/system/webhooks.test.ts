/**
 * Webhooks over real processes: whatever the shop's receiver does, and however the worker ends, each
 * payment that has ended is told, and payments do not wait for it.
 */
import { expect, test } from "bun:test";
import { Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";
import { WebhookReceiver, WEBHOOK_SECRET, type Mood } from "../../testing/webhook-receiver.ts";
import { run } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";

const TOKEN = "a token of the test";

async function stackFor(env: Record<string, string>): Promise<Stack> {
  return Stack.start({ env: { ADMIN_TOKEN: TOKEN, JOURNAL_SYNC: "normal", ...env } });
}

async function pay({ gateway }: Stack, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => crypto.randomUUID());
  for (const id of ids) expect(await gateway.pay(id, 1_990)).toBe(202);
  return ids;
}

function untilSettled({ gateway }: Stack, ids: readonly string[]): Promise<number> {
  return until("all are settled", async () => {
    for (const id of ids) if ((await gateway.stateOf(id)) !== "settled") return false;
    return true;
  });
}

function untilTold(receiver: WebhookReceiver, ids: readonly string[]): Promise<number> {
  return until("the shop was told of all", () => {
    const told = new Set(receiver.taken.map(({ data }) => data["correlationId"]));
    return ids.every((id) => told.has(id));
  });
}

async function operate(stack: Stack, ...args: string[]) {
  const env = { ...stack.worker.env, ADMIN_TOKEN: TOKEN, USER: "ana" };
  return run(fromSource("worker.ts", "operator", "webhooks", ...args), { env });
}

async function view(stack: Stack) {
  const answer = await fetch(`${stack.workerHttp.url}/operator/webhooks`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  return (await answer.json()) as Record<string, any>;
}

test("a shop is told once of each payment that has ended, signed, with what it cost; not of those of before", async () => {
  await using receiver = new WebhookReceiver();
  await using stack = await stackFor({});
  const before = await pay(stack, 2);
  await untilSettled(stack, before);
  expect((await view(stack))["detail"]).toBe("Webhooks are off: WEBHOOK_URL is not set.");
  await stack.worker.stop();
  stack.configure(receiver.env);
  await stack.worker.startAndWait();
  await until("it is ready", () => stack.gateway.isReady());
  const ids = await pay(stack, 20);
  await untilTold(receiver, ids);
  expect(receiver.taken.map(({ data }) => data["correlationId"]).toSorted()).toEqual(
    ids.toSorted(),
  );
  const status = await stack.gateway.statusOf(ids[0]!);
  if (status === "missing") throw new Error("it is known");
  const event = receiver.taken.find(({ data }) => data["correlationId"] === ids[0]);
  const at = (ms: number | null) => new Date(ms!).toISOString();
  expect(event).toEqual({
    id: `settled_${ids[0]}`,
    type: "payment.settled",
    timestamp: at(status.settledAtMs),
    data: {
      correlationId: ids[0]!,
      amount: 19.9,
      processor: "default",
      requestedAt: at(status.requestedAtMs),
      settledAt: at(status.settledAtMs),
      fee: 0.995,
    },
  });
  const isCounted = async () => (await view(stack))["webhooks"].delivered === ids.length;
  await until("all are counted", isCounted);
  const said = await operate(stack);
  expect(said.out).toContain("receiver            takes them");
  expect(said.out).toMatch(/delivered +20 /);
});

test("workers and receivers that are killed lose no webhook", async () => {
  await using receiver = new WebhookReceiver();
  await using stack = await stackFor(receiver.env);
  const ids: string[] = [];
  for (let round = 0; round < 3; round++) {
    ids.push(...(await pay(stack, 10)));
    await receiver.kill();
    ids.push(...(await pay(stack, 10)));
    await stack.worker.kill();
    await stack.worker.startAndWait();
    await until("it is ready", () => stack.gateway.isReady());
    receiver.begin();
  }
  await untilTold(receiver, ids);
  expect(new Set(receiver.taken.map(({ id }) => id)).size).toBe(ids.length);
});

test("a receiver that refuses, redirects, never ends or floods is tried again, and is followed nowhere", async () => {
  await using receiver = new WebhookReceiver();
  await using elsewhere = new WebhookReceiver();
  await using stack = await stackFor(receiver.env);
  const endless = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(256 * 1024)),
      }),
    );
  const moods: Mood[] = [
    () => new Response("no", { status: 500 }),
    () => Response.redirect(elsewhere.url, 302),
    () => Response.redirect(elsewhere.url, 308),
    endless,
    () => new Response(null, { headers: { "x-flood": "x".repeat(1024 * 1024) } }),
  ];
  const ids: string[] = [];
  for (const mood of moods) {
    receiver.mood = mood;
    const [id] = await pay(stack, 1);
    ids.push(id!);
    await until("it was tried", () => receiver.tries.has(`settled_${id}`));
  }
  // None was taken, and payments go on as before.
  expect(receiver.taken).toEqual([]);
  ids.push(...(await pay(stack, 10)));
  await untilSettled(stack, ids);
  await until("it is said", async () => (await view(stack))["webhooks"].down === true);
  expect((await operate(stack)).out).toMatch(/receiver +takes none: /);
  receiver.mood = () => null;
  await untilTold(receiver, ids);
  expect(elsewhere.tries.size).toBe(0);
  expect(stack.worker.lines.some((line) => line.includes('"webhooks-fail"'))).toBe(true);
});

test("410 ends it, over a restart too, until an operator has events sent again", async () => {
  await using receiver = new WebhookReceiver();
  await using stack = await stackFor(receiver.env);
  const from = new Date().toISOString();
  const first = await pay(stack, 3);
  await untilTold(receiver, first);
  receiver.mood = () => new Response(null, { status: 410 });
  const ids = await pay(stack, 1);
  await until("it is ended", async () => (await view(stack))["webhooks"].endedAt !== null);
  receiver.mood = () => null;
  await stack.worker.stop();
  await stack.worker.startAndWait();
  await until("it is ready", () => stack.gateway.isReady());
  ids.push(...(await pay(stack, 3)));
  await untilSettled(stack, ids);
  await until("it is said again", () =>
    stack.worker.lines.some((line) => line.includes('"webhooks-ended"')),
  );
  expect(receiver.taken).toHaveLength(3);
  const resent = await operate(stack, "resend", "--from", from);
  expect(resent).toMatchObject({ code: 0, err: "" });
  await untilTold(receiver, ids);
  // The first three were asked for, too, and come with the same ids.
  await until("all came again", () => receiver.taken.length === 10);
  expect(new Set(receiver.taken.map(({ id }) => id)).size).toBe(7);
  const bad = await operate(stack, "resend", "--from", "yesterday");
  expect(bad.code).toBe(1);
  expect(bad.err).toContain("from is not an ISO 8601 instant");
});

test("a name that resolves to a private address is refused, and payments go on", async () => {
  await using receiver = new WebhookReceiver();
  const WEBHOOK_URL = `http://localhost:${receiver.port}/`;
  await using stack = await stackFor({ WEBHOOK_URL, WEBHOOK_SECRET });
  const ids = await pay(stack, 6);
  await untilSettled(stack, ids);
  const reason = "no connection: its address is private, and WEBHOOK_ALLOW_PRIVATE is not true";
  await until("it is said", async () => (await view(stack))["webhooks"].lastReason === reason);
  expect(receiver.tries.size).toBe(0);
});

test("a payment in conflict is told with the reason, while the shop has only the old secret", async () => {
  const old = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
  await using receiver = new WebhookReceiver(old);
  const env = { ...receiver.env, WEBHOOK_SECRET: `${WEBHOOK_SECRET},${old}` };
  await using stack = await stackFor({ ...env, PROCESSOR_TIMEOUT_MS: "200" });
  const [first, second] = stack.processors;
  await second!.setDown(true);
  await first!.setFaults({ errorWithoutInsert: 1, hangAll: true });
  const [id] = await pay(stack, 1);
  await until("it is unknown", async () => (await stack.gateway.stateOf(id!)) === "unknown");
  const decide = (action: string) =>
    fetch(`${stack.workerHttp.url}/operator/payments/${id}/${action}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify({ who: "ana", why: "a test" }),
    });
  expect((await decide("hold")).status).toBe(200);
  // Somebody else charges another amount under its id.
  await first!.heal();
  const body = { correlationId: id, amount: 0.5, requestedAt: "2026-01-01T00:00:00.000Z" };
  const headers = { "content-type": "application/json" };
  await fetch(`${first!.url}/payments`, { method: "POST", headers, body: JSON.stringify(body) });
  // A look that is under way may have found it out before.
  await until("the shop was told", async () => {
    await decide("ask");
    return receiver.taken.length > 0;
  });
  const [event] = receiver.taken;
  expect(event).toMatchObject({ id: `conflict_${id}`, type: "payment.conflict" });
  expect(event!.data).toMatchObject({ amount: 19.9, processor: "default" });
  expect(String(event!.data["reason"])).toContain("another amount");
  expect(event!.data["settledAt"]).toBeUndefined();
});
