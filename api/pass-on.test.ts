import { describe, expect, test } from "bun:test";
import { problemOf } from "../shared/problem.fixture.ts";
import { PASSED_ON_MAX, STREAMS_MAX } from "./pass-on.ts";
import { ID, PAYMENT, runApi, sendRaw, startFakeWorker, vacantUrl } from "./server.fixture.ts";

describe("the worker's paths are passed on", () => {
  const passed: [string, string][] = [
    ["GET", `/payments/${ID}`],
    ["GET", `/payments/${ID.toUpperCase()}`],
    ["GET", "/payments/no-uuid?x=1"],
    ["GET", "/payments-summary"],
    ["GET", "/payments-summary?from=2026-01-01T00:00:00.000Z&to=2026-01-02T00:00:00.000Z"],
    ["GET", "/payments-summary?from=2026-01-01T00%3A00%3A00%2B00:00&to=%zz&x=/../../y"],
    ["HEAD", "/payments-summary"],
    ["POST", "/purge-payments"],
    ["GET", "/dashboard"],
    ["GET", "/dashboard/"],
    ["GET", "/dashboard/app.js?v=1"],
    ["GET", "/dashboard/a%2Fb//c/..%2fd"],
  ];
  for (const [method, target] of passed) {
    test(`${method} ${target}`, async () => {
      await using worker = startFakeWorker();
      await using api = runApi(worker.url);
      const response = await api.call(method, target);
      expect(response.status).toBe(200);
      expect(await response.text()).toBe(method === "HEAD" ? "" : "from worker");
      expect(worker.seen.map((seen) => [seen.method, seen.target])).toEqual([[method, target]]);
    });
  }

  test("with the headers and the body that mean something there, and no others", async () => {
    await using worker = startFakeWorker();
    await using api = runApi(worker.url);
    await api.call("POST", "/purge-payments", {
      body: '{"reason":"a test"}',
      headers: {
        authorization: "Bearer token",
        accept: "application/json",
        "content-type": "application/json",
        "last-event-id": "7",
        "if-none-match": '"a"',
        cookie: "session=1",
        "x-forwarded-for": "10.0.0.1",
        "accept-encoding": "gzip",
      },
    });
    const [seen] = worker.seen;
    expect(seen?.body).toBe('{"reason":"a test"}');
    expect(seen?.headers.toJSON()).toEqual({
      authorization: "Bearer token",
      accept: "application/json",
      "content-type": "application/json",
      "last-event-id": "7",
      "if-none-match": '"a"',
      "accept-encoding": "identity",
      "content-length": "19",
      connection: "keep-alive",
      host: new URL(worker.url).host,
      "user-agent": expect.stringContaining("Bun") as unknown as string,
    });
  });

  test("straight to the worker, whatever proxy the environment names", async () => {
    await using worker = startFakeWorker();
    await using proxy = startFakeWorker();
    await using api = runApi(worker.url);
    process.env["http_proxy"] = proxy.url;
    try {
      const request = "GET /payments-summary HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
      expect(await sendRaw(api.port, request)).toEndWith("from worker");
    } finally {
      delete process.env["http_proxy"];
    }
    expect(worker.seen).toHaveLength(1);
    expect(proxy.seen).toEqual([]);
  });

  test("not with a body that is too long", async () => {
    await using worker = startFakeWorker();
    await using api = runApi(worker.url);
    const response = await api.call("POST", "/purge-payments", { body: "x".repeat(16 * 1024 + 1) });
    expect(response.status).toBe(413);
    expect(await problemOf(response)).toBe("The body is longer than 16384 bytes.");
    expect(worker.seen).toEqual([]);
  });

  test("not when the path would become another one on the way", async () => {
    await using worker = startFakeWorker();
    await using api = runApi(worker.url);
    // A Host that makes no address leaves the path as it came, dots and all.
    const get = (target: string) =>
      sendRaw(api.port, `GET ${target} HTTP/1.1\r\nHost: not/a host\r\nConnection: close\r\n\r\n`);
    expect(await get("/dashboard/../purge-payments")).toStartWith("HTTP/1.1 400 ");
    expect(await get("/dashboard/%2e%2e/operator")).toStartWith("HTTP/1.1 400 ");
    expect(await get("/dashboard\\..\\operator")).toStartWith("HTTP/1.1 404 ");
    expect(worker.seen).toEqual([]);
    expect(await get("/dashboard/a")).toStartWith("HTTP/1.1 200 ");
    expect(worker.seen.map(({ target }) => target)).toEqual(["/dashboard/a"]);
  });
});

describe("the worker's answer is handed back", () => {
  const answers: [string, () => Response][] = [
    ["a summary", () => Response.json({ default: { totalRequests: 1, totalAmount: 19.9 } })],
    ["204", () => new Response(null, { status: 204 })],
    ["304", () => new Response(null, { status: 304, headers: { etag: '"a"' } })],
    ["a redirect, not followed", () => Response.redirect("/dashboard/", 302)],
    ["400", () => Response.json({ status: 400 }, { status: 400 })],
    ["401", () => new Response("no", { status: 401, headers: { "www-authenticate": "Bearer" } })],
    ["503", () => new Response("busy", { status: 503, headers: { "retry-after": "7" } })],
    ["bytes", () => new Response(new Uint8Array([0, 255, 128, 10]))],
    ["compressed bytes", () => compressed("a page")],
  ];
  for (const [what, answer] of answers) {
    test(what, async () => {
      await using worker = startFakeWorker(answer);
      await using api = runApi(worker.url);
      const direct = await fetch(`${worker.url}/dashboard`, { redirect: "manual" });
      const response = await api.call("GET", "/dashboard");
      expect(response.status).toBe(direct.status);
      expect(await response.bytes()).toEqual(await direct.bytes());
      const { date: _, ...expected } = direct.headers.toJSON();
      expect(response.headers.toJSON()).toMatchObject(expected);
    });
  }

  test("to HEAD with the length that GET would have", async () => {
    await using worker = startFakeWorker();
    await using api = runApi(worker.url);
    const response = await api.call("HEAD", "/payments-summary");
    expect(response.headers.get("content-length")).toBe(String("from worker".length));
  });

  test("without what belongs to the worker's connection only", async () => {
    const headers = { "keep-alive": "timeout=5", "x-kept": "yes" };
    await using worker = startFakeWorker(() => new Response("x", { headers }));
    await using api = runApi(worker.url);
    const response = await api.call("GET", "/dashboard");
    expect(response.headers.get("keep-alive")).toBeNull();
    expect(response.headers.get("x-kept")).toBe("yes");
  });
});

describe("a worker in trouble is 503 with Retry-After", () => {
  async function expectUnavailable(response: Response): Promise<void> {
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await problemOf(response)).toBe("The worker does not answer.");
  }

  test("when it cannot be reached, for every path of its own", async () => {
    await using api = runApi(vacantUrl());
    for (const path of [`/payments/${ID}`, "/payments-summary", "/dashboard"]) {
      await expectUnavailable(await api.call("GET", path));
    }
    await expectUnavailable(await api.call("POST", "/purge-payments"));
  });

  test("when it takes too long", async () => {
    const never = new Promise<Response>(() => {});
    await using worker = startFakeWorker(() => never);
    await using api = runApi(worker.url, { workerTimeoutMs: 20 });
    await expectUnavailable(await api.call("GET", "/payments-summary"));
  });

  test("when it stops in the middle of an answer", async () => {
    const half = () => new Response(stream((controller) => controller.enqueue("half")).readable);
    await using worker = startFakeWorker(half);
    await using api = runApi(worker.url, { workerTimeoutMs: 20 });
    await expectUnavailable(await api.call("GET", "/payments-summary"));
  });

  test("and does not keep a payment from being taken, however many wait", async () => {
    const allWait = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    await using worker = startFakeWorker(async () => {
      if (worker.seen.length === PASSED_ON_MAX) allWait.resolve();
      await release.promise;
      return new Response("from worker");
    });
    await using api = runApi(worker.url, { workerTimeoutMs: 60_000 });
    // `fetch` has a limit of its own in this process, which the test would share with the API.
    const request = "GET /payments-summary HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    const waiting = Array.from({ length: PASSED_ON_MAX }, () => sendRaw(api.port, request));
    await allWait.promise;
    const response = await api.call("GET", "/payments-summary");
    expect(response.status).toBe(503);
    expect(await problemOf(response)).toBe("Too many requests wait for the worker.");
    expect((await api.pay(PAYMENT)).status).toBe(202);
    release.resolve();
    for (const answer of await Promise.all(waiting)) expect(answer).toEndWith("from worker");
    expect((await api.call("GET", "/payments-summary")).status).toBe(200);
  });

  test("is no reason to go on asking it for a client that has left", async () => {
    const asked = Promise.withResolvers<void>();
    const givenUp = Promise.withResolvers<void>();
    await using worker = startFakeWorker((request) => {
      request.signal.addEventListener("abort", () => givenUp.resolve());
      asked.resolve();
      return new Promise<Response>(() => {});
    });
    await using api = runApi(worker.url, { workerTimeoutMs: 60_000 });
    const leave = new AbortController();
    const waiting = api.call("GET", "/payments-summary", { signal: leave.signal });
    await asked.promise;
    leave.abort();
    await expect(waiting).rejects.toThrow();
    await givenUp.promise;
  });
});

describe("event streams", () => {
  const eventStream = (events: ReadableStream) =>
    new Response(events, { headers: { "content-type": "text/event-stream" } });
  const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

  test("are handed on as they come, and outlive the timeout of other answers", async () => {
    const events = stream();
    await using worker = startFakeWorker((request) =>
      request.url.endsWith("/events")
        ? eventStream(events.readable)
        : new Promise<Response>(() => {}),
    );
    await using api = runApi(worker.url, { workerTimeoutMs: 500 });
    events.controller.enqueue("data: 1\n\n");
    const response = await api.call("GET", "/dashboard/events");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = response.body!.getReader();
    expect(text((await reader.read()).value)).toBe("data: 1\n\n");
    expect((await api.call("GET", "/payments-summary")).status).toBe(503);
    events.controller.enqueue("data: 2\n\n");
    expect(text((await reader.read()).value)).toBe("data: 2\n\n");
    events.controller.close();
    expect((await reader.read()).done).toBe(true);
  });

  test("are ended at the worker when the client leaves", async () => {
    const events = stream((controller) => controller.enqueue("data: 1\n\n"));
    await using worker = startFakeWorker(() => eventStream(events.readable));
    await using api = runApi(worker.url);
    const response = await api.call("GET", "/dashboard/events");
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await events.cancelled;
  });

  test("end cleanly when the API stops, and do not hold it up", async () => {
    const events = stream((controller) => controller.enqueue("data: 1\n\n"));
    await using worker = startFakeWorker(() => eventStream(events.readable));
    const api = runApi(worker.url);
    const response = await api.call("GET", "/dashboard/events");
    const reader = response.body!.getReader();
    await reader.read();
    await api.stop();
    expect((await reader.read()).done).toBe(true);
    await events.cancelled;
  });

  test("end for the client when the worker goes away", async () => {
    const events = stream((controller) => controller.enqueue("data: 1\n\n"));
    await using worker = startFakeWorker(() => eventStream(events.readable));
    await using api = runApi(worker.url);
    const response = await api.call("GET", "/dashboard/events");
    const reader = response.body!.getReader();
    await reader.read();
    await worker[Symbol.asyncDispose]();
    expect((await reader.read()).done).toBe(true);
  });

  test.each([
    ["/dashboard/events", "/events", STREAMS_MAX.pages],
    ["/events", "/dashboard/events", STREAMS_MAX.events],
  ])(
    "of %s are limited in number; those of %s have their own places, and a closed one makes room",
    async (path, other, most) => {
      await using worker = startFakeWorker(() =>
        eventStream(stream((controller) => controller.enqueue("data: 1\n\n")).readable),
      );
      await using api = runApi(worker.url);
      const headers = { authorization: "Bearer read" };
      const call = (at: string) => api.call("GET", at, { headers });
      const open = await Promise.all(Array.from({ length: most }, () => call(path)));
      expect(open.every((response) => response.status === 200)).toBe(true);
      const refused = await call(path);
      expect(refused.status).toBe(503);
      expect(await problemOf(refused)).toBe("Too many event streams are open.");
      expect((await call(other)).status).toBe(200);
      await open[0]?.body?.cancel();
      let next = await call(path);
      while (next.status === 503) next = await call(path);
      expect(next.status).toBe(200);
    },
  );
});

function compressed(page: string): Response {
  return new Response(Bun.gzipSync(page), { headers: { "content-encoding": "gzip" } });
}

/** A stream that the test writes to, and a promise of its being cancelled. */
function stream(start: (controller: ReadableStreamDefaultController) => void = () => {}) {
  const cancelled = Promise.withResolvers<void>();
  let held: ReadableStreamDefaultController | undefined;
  const readable = new ReadableStream({
    start(controller) {
      held = controller;
      start(controller);
    },
    cancel: () => cancelled.resolve(),
  });
  if (held === undefined) throw new Error("a stream starts at once");
  return { readable, controller: held, cancelled: cancelled.promise };
}
