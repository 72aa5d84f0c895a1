import { expect, test } from "bun:test";
import { startSimulator } from "../../simulator/server.ts";
import { rawServer } from "../processor.fixture.ts";
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
  '{"totalRequests":"1","totalAmount":1}',
  '{"totalRequests":[],"totalAmount":0}',
  '{"totalRequests":1,"totalAmount":"1"}',
  '{"totalRequests":1,"totalAmount":-1}',
  '{"totalRequests":0,"totalAmount":1}',
  '{"totalRequests":2,"totalRequests":1,"totalAmount":1}',
  '[{"totalRequests":1,"totalAmount":1}]',
])("totals that read %p are trouble that lasts", async (body) => {
  await using processor = answering(body);
  const books = new HttpBooks(processor.url, "123");
  expect(await troubleOf(books.totals(WINDOW))).toMatchObject({ lasting: true });
});

const RECORD = { correlationId: ID, amount: 19.9, requestedAt: "2026-01-05T00:00:00.000Z" };

test.each([
  ["Z", ""],
  ["Z", "Z"],
  ["Z", "+00:00"],
  ["000Z", "0004567"],
])("a payment whose instant ends in %s is the same with %p", async (end, other) => {
  const requestedAt = RECORD.requestedAt.slice(0, -end.length) + other;
  await using processor = answering(JSON.stringify({ ...RECORD, requestedAt }));
  const found = await new HttpBooks(processor.url, "123").find(ID);
  expect(found).toEqual({ cents: 1_990, requestedAtMs: AT_MS });
});

test.each([
  JSON.stringify([RECORD]),
  JSON.stringify({ ...RECORD, amount: "19.90" }),
  JSON.stringify({ ...RECORD, amount: 19.901 }),
  JSON.stringify({ ...RECORD, requestedAt: "2026-01-05" }),
  JSON.stringify({ ...RECORD, correlationId: crypto.randomUUID() }),
  JSON.stringify(RECORD).replace("19.9", '20,"amount":19.9'),
])("a payment that reads %p is trouble that lasts", async (body) => {
  await using processor = answering(body);
  await troubleOf(new HttpBooks(processor.url, "123").find(ID));
});

test("a page that says 404 is not the processor's word that a payment is not there", async () => {
  for (const body of ["", '{"message":"not found"}']) {
    await using processor = answering(body, { status: 404 });
    expect(await new HttpBooks(processor.url, "123").find(ID)).toBeNull();
  }
  await using between = answering("<html>404</html>", { status: 404 });
  const trouble = await troubleOf(new HttpBooks(between.url, "123").find(ID));
  expect(trouble).toMatchObject({ lasting: false });
});

test("an answer whose end nobody announced is no news", async () => {
  const sum = '{"totalRequests":1,"totalAmount":1}';
  using server = rawServer({ text: `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${sum}` });
  const trouble = await troubleOf(new HttpBooks(server.url, "123").totals(WINDOW));
  expect(trouble).toMatchObject({ lasting: false });
});

test("nobody there is no news", async () => {
  const trouble = await troubleOf(new HttpBooks("http://127.0.0.1:1", "123").totals(WINDOW));
  expect(trouble).toMatchObject({ lasting: false, message: "no answer: ECONNREFUSED" });
});
