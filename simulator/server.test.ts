import { expect, test } from "bun:test";
import { startSimulator, type Simulator } from "./server.ts";

const TOKEN = { "x-rinha-token": "123", "content-type": "application/json" };

function simulator(random: () => number = () => 0): Simulator {
  return startSimulator({ name: "default", fee: 0.05, host: "127.0.0.1", port: 0, random });
}

function idOf(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

function pay({ url }: Simulator, n: number, init: RequestInit = {}): Promise<Response> {
  return fetch(`${url}/payments`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ correlationId: idOf(n), amount: 19.9, requestedAt: new Date(0) }),
    ...init,
  });
}

function administer(
  { url }: Simulator,
  method: string,
  path: string,
  body?: object,
): Promise<Response> {
  const text = body === undefined ? null : JSON.stringify(body);
  return fetch(url + path, { method, headers: TOKEN, body: text });
}

const setDelay = (to: Simulator, delay: number) =>
  administer(to, "PUT", "/admin/configurations/delay", { delay });
const setFaults = (to: Simulator, faults: object) =>
  administer(to, "PUT", "/simulator/faults", faults);
const setDown = (to: Simulator, down: boolean) =>
  administer(to, "PUT", "/simulator/down", { down });

async function codeOf(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

test("a payment goes through, once", async () => {
  await using processor = simulator();
  const first = await pay(processor, 1);
  expect(first.status).toBe(200);
  expect(first.headers.get("content-type")).toBe("application/json");
  expect(await first.json()).toEqual({ message: "payment processed successfully" });
  expect((await pay(processor, 1)).status).toBe(422);
  const found = await fetch(`${processor.url}/payments/${idOf(1)}`);
  expect(await found.json()).toEqual({
    correlationId: idOf(1),
    amount: 19.9,
    requestedAt: "1970-01-01T00:00:00.000Z",
  });
});

test("a failing processor answers 500 without a byte of body", async () => {
  await using processor = simulator();
  await administer(processor, "PUT", "/admin/configurations/failure", { failure: true });
  const answer = await pay(processor, 1);
  expect(answer.status).toBe(500);
  expect(answer.headers.get("content-length")).toBe("0");
  expect(await answer.text()).toBe("");
});

test("malformed bodies and other content types are told apart", async () => {
  await using processor = simulator();
  expect((await pay(processor, 1, { body: "{" })).status).toBe(400);
  expect((await pay(processor, 1, { headers: { "content-type": "text/plain" } })).status).toBe(415);
});

test("calls that wait are answered when due, whatever the order in which they came", async () => {
  await using processor = simulator();
  const order: string[] = [];
  const noted = async (name: string, answer: Promise<Response>) => {
    expect((await answer).status).toBe(200);
    order.push(name);
  };
  await setDelay(processor, 60);
  const startedMs = performance.now();
  const slow = noted("slow", pay(processor, 1));
  // A call of its own tells that the first one is in: its delay is read by then.
  while (processor.model.nextDueAtMs() === null) await administer(processor, "GET", "/");
  await setDelay(processor, 5);
  const quick = noted("quick", pay(processor, 2));
  await Promise.all([slow, quick]);
  expect(order).toEqual(["quick", "slow"]);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(60);
});

test("a caller that hangs up is charged all the same", async () => {
  await using processor = simulator();
  await setDelay(processor, 40);
  const abort = new AbortController();
  const gone = codeOf(pay(processor, 1, { signal: abort.signal }));
  while (processor.model.nextDueAtMs() === null) await administer(processor, "GET", "/");
  abort.abort();
  await gone;
  expect(processor.model.records.size).toBe(0);
  // It is due after the first one: when it is answered, the first one is recorded.
  expect((await pay(processor, 2)).status).toBe(200);
  expect([...processor.model.records.values()].map((row) => row.correlationId)).toEqual([
    idOf(1),
    idOf(2),
  ]);
});

test("801st to 1300th wait, the next is turned away with Retry-After", async () => {
  await using processor = simulator();
  await setDelay(processor, 60_000);
  const call = {
    method: "POST",
    path: "/payments",
    contentType: "application/json",
    token: null,
    body: "{}",
  };
  for (let n = 0; n < 1_300; n++) processor.model.apply(0, call);
  const answer = await pay(processor, 1);
  expect(answer.status).toBe(429);
  expect(answer.headers.get("retry-after")).toBe("5");
});

test("administration: configurations, summary, purge, token", async () => {
  await using processor = simulator();
  expect(await (await setDelay(processor, 3)).json()).toEqual({ config: "delay", was: 0, is: 3 });
  await pay(processor, 1);
  const summary = await administer(
    processor,
    "GET",
    "/admin/payments-summary?from=1970-01-01T00:00:00.000Z&to=1970-01-01T00:00:00.000Z",
  );
  expect(await summary.json()).toEqual({
    totalRequests: 1,
    totalAmount: 19.9,
    totalFee: 0.995,
    feePerTransaction: 0.05,
  });
  const purged = await administer(processor, "POST", "/admin/purge-payments");
  expect(await purged.json()).toEqual({ message: "All payments purged." });
  expect(processor.model.records.size).toBe(0);
  const changed = await administer(processor, "PUT", "/admin/configurations/token", { token: "x" });
  expect(changed.status).toBe(204);
  expect((await setDelay(processor, 0)).status).toBe(401);
});

test("health is answered once a window, then not at once", async () => {
  // The clock stands still: the window cannot end in the middle of the test.
  const clock = { wallMs: () => 1_000, steadyMs: () => 0 };
  await using processor = startSimulator({
    name: "default",
    fee: 0.05,
    host: "127.0.0.1",
    port: 0,
    clock,
  });
  const health = () => fetch(`${processor.url}/payments/service-health`);
  const first = await health();
  expect(await first.json()).toEqual({ failing: false, minResponseTime: 0 });
  // Two of the three wait for windows that never begin; the third to come is turned away.
  const turnedAway = await Promise.any([health(), health(), health()]);
  expect(turnedAway.status).toBe(429);
  expect(turnedAway.headers.get("retry-after")).toBe("5");
});

test("an answer that is lost is a reset, and the payment is recorded", async () => {
  await using processor = simulator();
  await setFaults(processor, { answerLost: 1 });
  expect(await codeOf(pay(processor, 1))).toBe("ECONNRESET");
  expect(processor.model.records.size).toBe(1);
});

test("a reset before the insert looks the same, and nothing is recorded", async () => {
  await using processor = simulator();
  await setFaults(processor, { resetBefore: 1 });
  expect(await codeOf(pay(processor, 1))).toBe("ECONNRESET");
  expect(processor.model.records.size).toBe(0);
});

test("faults strike calls that waited, too", async () => {
  await using processor = simulator();
  await setDelay(processor, 2);
  await setFaults(processor, { answerLost: 1 });
  expect(await codeOf(pay(processor, 1))).toBe("ECONNRESET");
  expect(processor.model.records.size).toBe(1);
});

test.each([
  ["errorWithInsert", 1],
  ["errorWithoutInsert", 0],
])("%s is a 500 with a message", async (fault, recorded) => {
  await using processor = simulator();
  await setFaults(processor, { [fault]: 1 });
  const answer = await pay(processor, 1);
  expect(answer.status).toBe(500);
  expect(await answer.json()).toEqual({ message: expect.any(String) });
  expect(processor.model.records.size).toBe(recorded);
});

test("a truncated answer begins with 200 and breaks off", async () => {
  await using processor = simulator();
  await setFaults(processor, { truncated: 1 });
  const answer = await pay(processor, 1);
  expect(answer.status).toBe(200);
  expect(await codeOf(answer.text())).toBe("ECONNRESET");
  expect(processor.model.records.size).toBe(1);
});

test("a truncated answer carries part of its body", async () => {
  await using processor = simulator();
  await setFaults(processor, { truncated: 1 });
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let received = "";
  const body = JSON.stringify({ correlationId: idOf(1), amount: 1 });
  await Bun.connect({
    hostname: "127.0.0.1",
    port: processor.port,
    socket: {
      open: (socket) =>
        void socket.write(
          "POST /payments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
            `Content-Length: ${body.length}\r\n\r\n${body}`,
        ),
      data: (_, bytes) => void (received += bytes.toString()),
      close: () => resolve(),
    },
  });
  await closed;
  expect(received).toStartWith("HTTP/1.1 200 OK\r\n");
  expect(received).toContain(`{"message":`);
  expect(received).not.toContain("successfully");
});

test("a hung call is never answered, and everything else goes on", async () => {
  await using processor = simulator();
  await setFaults(processor, { hang: 1, hangInserts: true });
  let answered = false;
  const abort = new AbortController();
  const hung = pay(processor, 1, { signal: abort.signal }).then(
    () => (answered = true),
    () => null,
  );
  while (processor.model.records.size === 0) await administer(processor, "GET", "/");
  await setFaults(processor, {});
  expect((await pay(processor, 2)).status).toBe(200);
  expect(answered).toBe(false);
  abort.abort();
  await hung;
});

test("while down every call is reset, in flight too; afterwards it works again", async () => {
  await using processor = simulator();
  await setDelay(processor, 60_000);
  const inFlight = codeOf(pay(processor, 1));
  while (processor.model.nextDueAtMs() === null) await administer(processor, "GET", "/");
  await setDown(processor, true);
  expect(await inFlight).toBe("ECONNRESET");
  expect(await codeOf(pay(processor, 2))).toBe("ECONNRESET");
  expect(await codeOf(fetch(`${processor.url}/payments/service-health`))).toBe("ECONNRESET");
  expect((await fetch(`${processor.url}/simulator/livez`)).status).toBe(200);
  await setDown(processor, false);
  await setDelay(processor, 0);
  expect((await pay(processor, 3)).status).toBe(200);
  expect(processor.model.records.size).toBe(1);
});

test("lists what was recorded, one JSON object a line", async () => {
  await using processor = simulator();
  await pay(processor, 1);
  await pay(processor, 2);
  const listing = await administer(processor, "GET", "/simulator/payments");
  expect(listing.headers.get("content-type")).toBe("application/x-ndjson");
  const rows = (await listing.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(rows).toEqual([...processor.model.records.values()]);
  expect(Object.keys(rows[0])).toEqual([
    "correlationId",
    "amountCents",
    "requestedAtMs",
    "recordedAtMs",
  ]);
  expect(rows[0].recordedAtMs).toBeInteger();
});

test("a stopped simulator takes no calls", async () => {
  const processor = simulator();
  await setDelay(processor, 60_000);
  const inFlight = codeOf(pay(processor, 1));
  while (processor.model.nextDueAtMs() === null) await administer(processor, "GET", "/");
  await processor.stop();
  expect(await inFlight).toBe("ECONNRESET");
  expect(await codeOf(pay(processor, 2))).toBe("ECONNREFUSED");
});

test("one that drains answers what is there, and then takes no calls", async () => {
  const processor = simulator();
  await setDelay(processor, 50);
  const inFlight = codeOf(pay(processor, 1));
  while (processor.model.nextDueAtMs() === null) await administer(processor, "GET", "/");
  await processor.drain();
  expect(await inFlight).toMatchObject({ status: 200 });
  expect(await codeOf(pay(processor, 2))).toBe("ECONNREFUSED");
});

test("a call without a Host is found", async () => {
  const processor = simulator();
  const answered = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: processor.port,
    socket: { data: (_, bytes) => answered.resolve(bytes.toString("latin1")) },
  });
  socket.write("GET /payments/service-health HTTP/1.0\r\n\r\n");
  expect(await answered.promise).toStartWith("HTTP/1.1 200 ");
  socket.end();
  await processor.stop();
});
