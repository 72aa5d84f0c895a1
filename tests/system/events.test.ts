/**
 * Events over real processes: whoever asks for what ended, by pages or by a stream, has each payment that
 * ended once in a row, however the worker ends meanwhile; and is told when it cannot be so.
 */
import { expect, test } from "bun:test";
import { Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";

const TOKEN = "a token of the test";
const ADMIN = { authorization: `Bearer ${TOKEN}` };

async function start(env: Record<string, string> = {}): Promise<Stack> {
  return Stack.start({
    env: { JOURNAL_SYNC: "normal", ...env },
    apiEnv: { READ_TOKEN: TOKEN },
  });
}

/** Pays, and waits until all are settled. */
async function settle({ gateway }: Stack, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => crypto.randomUUID());
  for (const id of ids) expect(await gateway.pay(id, 1_990)).toBe(202);
  await until("all are settled", async () => {
    for (const id of ids) if ((await gateway.stateOf(id)) !== "settled") return false;
    return true;
  });
  return ids;
}

async function killAndStart({ worker, gateway }: Stack): Promise<void> {
  await worker.kill();
  await worker.startAndWait();
  await until("it is ready", () => gateway.isReady());
}

type Page = { readonly events: readonly { readonly id: string }[]; readonly next: string };

function ask({ gateway }: Stack, query: string, headers: Record<string, string> = {}) {
  return fetch(`${gateway.url}/events${query}`, { headers: { ...ADMIN, ...headers } });
}

async function pageAt(stack: Stack, query: string): Promise<Page> {
  const response = await ask(stack, query);
  expect(response.status).toBe(200);
  return (await response.json()) as Page;
}

/** Ids of a stream, with the last cursor, until there are `count` of them or it has ended. */
async function streamed(stack: Stack, count: number, lastId?: string) {
  const resumed = lastId === undefined ? {} : { "last-event-id": lastId };
  const response = await ask(stack, "", { accept: "text/event-stream", ...resumed });
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    "text/event-stream",
  ]);
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const read = () => [...text.matchAll(/^id: (\S+)\ndata: (.*)\n\n/gm)];
  const next = async () => {
    // A worker that is killed breaks its streams off.
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (value !== undefined) text += decoder.decode(value, { stream: true });
    return !done;
  };
  while (read().length < count && (await next()));
  return {
    ids: read().map(([, , data]) => (JSON.parse(data!) as { id: string }).id),
    cursor: read().at(-1)?.[1],
    async untilEnd(): Promise<void> {
      while (await next());
    },
  };
}

const idsOf = (payments: readonly string[]) => payments.map((id) => `settled_${id}`).toSorted();

test("a worker that is killed between two pages loses none, repeats none, and keeps the cursor", async () => {
  await using stack = await start();
  const paid = await settle(stack, 10);
  const told: string[] = [];
  let next = "";
  for (let round = 0; round < 3; round++) {
    const page = await pageAt(stack, `?limit=4${next === "" ? "" : `&after=${next}`}`);
    expect(page.events).toHaveLength(4);
    told.push(...page.events.map(({ id }) => id));
    next = page.next;
    await killAndStart(stack);
    paid.push(...(await settle(stack, 3)));
  }
  const rest = await pageAt(stack, `?after=${next}`);
  told.push(...rest.events.map(({ id }) => id));
  expect(told.toSorted()).toEqual(idsOf(paid));
  expect((await pageAt(stack, "")).events.map(({ id }) => id)).toEqual(told);
  expect(await pageAt(stack, `?after=${rest.next}`)).toEqual({ events: [], next: rest.next });
  // Nobody else is told.
  expect((await fetch(`${stack.gateway.url}/events`)).status).toBe(401);
  expect((await fetch(`${stack.workerHttp.url}/events`)).status).toBe(200);
});

test("a stream that a killed worker broke off goes on by Last-Event-ID, and one that ends ends it", async () => {
  await using stack = await start();
  const paid = await settle(stack, 6);
  const first = await streamed(stack, 6);
  expect(first.ids.toSorted()).toEqual(idsOf(paid));
  const ended = first.untilEnd();
  await killAndStart(stack);
  await ended;
  const later = await settle(stack, 5);
  const second = await streamed(stack, 5, first.cursor);
  expect(second.ids.toSorted()).toEqual(idsOf(later));
  // It is told while it waits, too.
  const waiting = streamed(stack, 1, second.cursor);
  const [last] = await settle(stack, 1);
  const third = await waiting;
  expect(third.ids).toEqual(idsOf([last!]));
  const over = third.untilEnd();
  expect((await stack.worker.stop()).code).toBe(0);
  await over;
});

test("after a purge a page and a stream are refused with the reason, and the beginning is what is kept", async () => {
  await using stack = await start({ PURGE_ENABLED: "true" });
  await settle(stack, 3);
  const { next } = await pageAt(stack, "?limit=2");
  const stream = await streamed(stack, 3);
  const purged = await fetch(`${stack.gateway.url}/purge-payments`, { method: "POST" });
  expect(purged.status).toBe(204);
  await stream.untilEnd();
  const paid = await settle(stack, 2);
  const resumed = { accept: "text/event-stream", "last-event-id": stream.cursor! };
  for (const answer of [await ask(stack, `?after=${next}`), await ask(stack, "", resumed)]) {
    expect(answer.status).toBe(410);
    expect(((await answer.json()) as { detail: string }).detail).toContain("may be forgotten");
  }
  const kept = await pageAt(stack, "");
  expect(kept.events.map(({ id }) => id).toSorted()).toEqual(idsOf(paid));
});
