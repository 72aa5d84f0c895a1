import { expect, test } from "bun:test";
import { startSimulator } from "../../simulator/server.ts";
import { HttpBooks, NoAnswer } from "./theirs.ts";

const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const AT_MS = Date.UTC(2026, 0, 5);
const WINDOW = { fromMs: AT_MS, toMs: AT_MS };

async function simulator() {
  const running = startSimulator({ name: "default", fee: 0.05, host: "127.0.0.1", port: 0 });
  const row = { correlationId: ID, amountCents: 1_990, requestedAtMs: AT_MS, recordedAtMs: AT_MS };
  running.model.records.insert(row);
  return running;
}

/** A processor that answers everything alike. */
function answering(body: string, init: ResponseInit = {}) {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(body, init),
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

async function troubleOf(call: Promise<unknown>): Promise<NoAnswer> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(NoAnswer);
  return error as NoAnswer;
}

test("totals and payments are read as the contract has them", async () => {
  await using running = await simulator();
  const books = new HttpBooks(running.url, "123");
  expect(await books.totals(WINDOW)).toEqual({ count: 1, cents: 1_990 });
  expect(await books.totals({ fromMs: AT_MS + 1, toMs: AT_MS + 2 })).toEqual({
    count: 0,
    cents: 0,
  });
  expect(await books.find(ID)).toEqual({ cents: 1_990, requestedAtMs: AT_MS });
  expect(await books.find(crypto.randomUUID())).toBeNull();
});

test("a sum with more digits than a double is exact", async () => {
  await using processor = answering('{"totalRequests":9,"totalAmount":70368744177664.01}');
  const { cents } = await new HttpBooks(processor.url, "123").totals(WINDOW);
  expect(cents).toBe(7_036_874_417_766_401);
});

test("a token that is not taken is trouble that lasts, and is not repeated", async () => {
  await using running = await simulator();
  const trouble = await troubleOf(new HttpBooks(running.url, "wrong-token").totals(WINDOW));
  expect(trouble).toMatchObject({ lasting: true });
  expect(trouble.message).toStartWith("401");
  expect(trouble.message).not.toContain("wrong-token");
});

test.each([
  ["too many calls", 429, false],
  ["an error", 500, false],
  ["a redirect", 302, true],
  ["a bad request", 400, true],
])("%s is no news", async (_, status, lasting) => {
  await using processor = answering("", { status, headers: { "retry-after": "7" } });
  const books = new HttpBooks(processor.url, "123");
  expect(await troubleOf(books.totals(WINDOW))).toMatchObject({ lasting });
  const looked = await troubleOf(books.find(ID));
  expect(looked.lasting).toBe(lasting);
  if (status === 429) expect(looked.retryAfterMs).toBe(7_000);
});

test.each([
  "",
  "null",
  "{}",
  '{"totalRequests":1,"totalAmount":0.001}',
  '{"totalRequests":1.5,"totalAmount":1}',
  '{"totalRequests":-1,"totalAmount":1}',
  '{"totalRequests":1,"totalAmount":null}',
])("totals that read %p are trouble that lasts", async (body) => {
  await using processor = answering(body);
  const books = new HttpBooks(processor.url, "123");
  expect(await troubleOf(books.totals(WINDOW))).toMatchObject({ lasting: true });
});

test("nobody there is no news", async () => {
  const trouble = await troubleOf(new HttpBooks("http://127.0.0.1:1", "123").totals(WINDOW));
  expect(trouble).toMatchObject({ lasting: false, message: "no answer: ECONNREFUSED" });
});
