import { describe, expect, test } from "bun:test";
import { problemOf } from "../shared/problem.fixture.ts";
import pino from "pino";
import { OPERATION_IDS, rowOf } from "../shared/http-api/table.ts";
import { createLog, type Log } from "../shared/log.ts";
import { problem } from "../shared/problem.ts";
import type { Verdict } from "../shared/verdict.ts";
import {
  AT_ONCE,
  connect,
  ID,
  PAYMENT,
  runApi,
  sendRaw,
  startFakeWorker,
} from "./server.fixture.ts";

const CLOSE = "Host: shop\r\nConnection: close\r\n";

describe("POST /payments", () => {
  test("answers 202 with the place of the payment once the worker has stored it", async () => {
    await using api = runApi();
    const response = await api.pay(PAYMENT);
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe(`/payments/${ID}`);
    expect(await response.text()).toBe("");
    expect(api.link.paid).toEqual([{ correlationId: ID, amountCents: 1990 }]);
  });

  test("answers 202 for a payment that is there already", async () => {
    await using api = runApi();
    api.link.verdict = () => ({ kind: "duplicate" });
    const response = await api.pay(PAYMENT);
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe(`/payments/${ID}`);
  });

  test("does not answer before the verdict", async () => {
    await using api = runApi();
    const verdict = Promise.withResolvers<Verdict>();
    api.link.verdict = () => verdict.promise;
    let answered = false;
    const paying = api.pay(PAYMENT).then((response) => {
      answered = true;
      return response.status;
    });
    // The connection pool and the event loop are shared: a whole other request fits in between.
    expect((await api.call("GET", "/livez")).status).toBe(200);
    expect(answered).toBe(false);
    verdict.resolve({ kind: "stored" });
    expect(await paying).toBe(202);
  });

  test("answers 409 for the same id with another amount", async () => {
    await using api = runApi();
    api.link.verdict = () => ({ kind: "conflict" });
    const response = await api.pay(PAYMENT);
    expect(response.status).toBe(409);
    expect(await problemOf(response)).toContain(ID);
  });

  test("answers 400 for what the worker calls invalid", async () => {
    await using api = runApi();
    api.link.verdict = () => ({ kind: "invalid" });
    const response = await api.pay(PAYMENT);
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toBe("The worker cannot take this payment.");
  });

  for (const [retryAfterMs, seconds] of [
    [0, "1"],
    [1, "1"],
    [1000, "1"],
    [1001, "2"],
    [4500, "5"],
  ] as const) {
    test(`answers 503 when busy; ${retryAfterMs} ms is Retry-After: ${seconds}`, async () => {
      await using api = runApi();
      api.link.verdict = () => ({ kind: "busy", retryAfterMs });
      const response = await api.pay(PAYMENT);
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).toBe(seconds);
      expect(await problemOf(response)).toContain("was not stored");
    });
  }

  test.each([
    [{}, "was not stored"],
    [{ mayBeStored: true } as const, "may or may not be stored"],
  ])("says when busy what is known: %o is that it %s", async (more, says) => {
    await using api = runApi();
    api.link.verdict = () => ({ kind: "busy", retryAfterMs: 1_000, ...more });
    expect(await problemOf(await api.pay(PAYMENT))).toBe(
      `The gateway cannot take payments at the moment: this one ${says}. Repeating the same request is safe.`,
    );
  });

  test("answers 503 when no verdict comes in time, and says that repeating is safe", async () => {
    await using api = runApi();
    api.link.verdict = () => null;
    const response = await api.pay(PAYMENT);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await problemOf(response)).toBe(
      "The worker did not acknowledge in time: the payment may or may not be stored. Repeating the same request is safe.",
    );
  });

  test("answers 400 with the sentence of a bad body, and hands nothing over", async () => {
    await using api = runApi();
    const response = await api.pay(`{"correlationId":"${ID}","amount":"19.90"}`);
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toBe('The field "amount" is not a number.');
    expect(api.link.paid).toEqual([]);
  });

  test("answers 400 for an empty body and for bytes that are no text", async () => {
    await using api = runApi();
    const bodies = ["", new Uint8Array([0xff, 0xfe, 0x00, 0x7b]), new Uint8Array(1024).fill(0x5b)];
    for (const body of bodies) {
      const response = await api.pay(body);
      expect(response.status).toBe(400);
      expect(await problemOf(response)).toBe("The body is not JSON.");
    }
  });

  test("takes any content type, and a query", async () => {
    await using api = runApi();
    for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"]) {
      const headers = { "content-type": type };
      expect((await api.call("POST", "/payments", { body: PAYMENT, headers })).status).toBe(202);
    }
    expect((await api.call("POST", "/payments?from=shop", { body: PAYMENT })).status).toBe(202);
  });

  test("an exception on the way is a 500 without its stack, and one line in the log", async () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => lines.push(line) });
    await using api = runApi(undefined, { log });
    api.link.verdict = () => {
      throw new Error("a secret of the inside");
    };
    const response = await api.pay(PAYMENT);
    expect(response.status).toBe(500);
    expect(await problemOf(response)).not.toContain("secret");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("a secret of the inside");
    api.link.verdict = () => ({ kind: "stored" });
    expect((await api.pay(PAYMENT)).status).toBe(202);
  });
});

describe("the length of a payment's body", () => {
  const padded = (bytes: number) => PAYMENT + " ".repeat(bytes - PAYMENT.length);
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const post = (header: string, body: string) =>
    `POST /payments HTTP/1.1\r\n${CLOSE}${header}\r\n\r\n${body}`;

  test("may be 2048 bytes and not 2049", async () => {
    await using api = runApi();
    expect((await api.pay(padded(2048))).status).toBe(202);
    const response = await api.pay(padded(2049));
    expect(response.status).toBe(413);
    expect(await problemOf(response)).toBe("The body is longer than 2048 bytes.");
    expect(api.link.paid).toHaveLength(1);
  });

  test("is counted in bytes, not in letters", async () => {
    await using api = runApi();
    expect((await api.pay("é".repeat(1024))).status).toBe(400);
    expect((await api.pay("é".repeat(1025))).status).toBe(413);
  });

  test("beyond 64 KiB is refused in the same way", async () => {
    await using api = runApi();
    const response = await api.pay(padded(1024 * 1024));
    expect(response.status).toBe(413);
    expect(await problemOf(response)).toBe("The body is longer than 2048 bytes.");
  });

  test("is refused as soon as it is announced", async () => {
    await using api = runApi();
    const answer = await sendRaw(api.port, post("Content-Length: 2049", ""));
    expect(answer).toStartWith("HTTP/1.1 413 ");
    expect(answer).toContain("application/problem+json");
  });

  test("need not be announced: chunks up to 2048 bytes are taken", async () => {
    await using api = runApi();
    const chunks = [...padded(2048)].map(chunk).join("");
    const answer = await sendRaw(
      api.port,
      post("Transfer-Encoding: chunked", `${chunks}0\r\n\r\n`),
    );
    expect(answer).toStartWith("HTTP/1.1 202 ");
    expect(api.link.paid).toEqual([{ correlationId: ID, amountCents: 1990 }]);
  });

  test("chunks beyond 2048 bytes are refused, before the last one has come", async () => {
    await using api = runApi();
    const chunks = chunk(PAYMENT) + chunk(" ".repeat(2048));
    const answer = await sendRaw(api.port, post("Transfer-Encoding: chunked", chunks));
    expect(answer).toStartWith("HTTP/1.1 413 ");
    expect(answer).toContain("application/problem+json");
    expect(api.link.paid).toEqual([]);
  });

  test("announced twice and the same is taken, announced with chunks is not", async () => {
    await using api = runApi();
    const length = `Content-Length: ${PAYMENT.length}`;
    expect(await sendRaw(api.port, post(`${length}\r\n${length}`, PAYMENT))).toStartWith(
      "HTTP/1.1 202 ",
    );
    const both = `${length}\r\nTransfer-Encoding: chunked`;
    expect(await sendRaw(api.port, post(both, PAYMENT))).toStartWith("HTTP/1.1 400 ");
    expect(api.link.paid).toHaveLength(1);
  });

  test("that is refused closes the connection: the rest is not taken for a request", async () => {
    await using api = runApi();
    const long = padded(5000);
    const answer = await sendRaw(
      api.port,
      `POST /payments HTTP/1.1\r\nHost: shop\r\nContent-Length: ${long.length}\r\n\r\n`,
      long + post(`Content-Length: ${PAYMENT.length}`, PAYMENT),
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 413"]);
    expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n");
    expect(api.link.paid).toEqual([]);
  });

  test("of an ordinary bad request leaves the connection open for the next one", async () => {
    await using api = runApi();
    const bad = `POST /payments HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n{}`;
    const answer = await sendRaw(api.port, bad, post(`Content-Length: ${PAYMENT.length}`, PAYMENT));
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 400", "HTTP/1.1 202"]);
  });
});

describe("health", () => {
  test("is alive and ready while the worker answers", async () => {
    await using api = runApi();
    for (const path of ["/livez", "/readyz"]) {
      const response = await api.call("GET", path);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toStartWith("text/plain");
    }
  });

  test("is alive but not ready while the worker does not answer, and ready again after", async () => {
    await using api = runApi();
    api.link.answering = false;
    expect((await api.call("GET", "/livez")).status).toBe(200);
    const response = await api.call("GET", "/readyz");
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await problemOf(response)).toBe("The worker does not answer.");
    api.link.answering = true;
    expect((await api.call("GET", "/readyz")).status).toBe(200);
  });

  /** Asks for the readiness of an API whose worker answers `/readyz` like this. */
  const readiness = async (answer: () => Response | Promise<Response>, answering = true) => {
    await using worker = startFakeWorker(answer);
    await using api = runApi(worker.url);
    api.link.answering = answering;
    const response = await api.call("GET", "/readyz");
    return response.ok ? "ready" : problemOf(response);
  };
  const full = () => problem(503, "the journal fails: database or disk is full");

  test("is not ready while the worker says that it is not, and says why", async () => {
    const said = "The worker is not ready: the journal fails: database or disk is full.";
    expect(await readiness(full)).toBe(said);
    expect(await readiness(full, false)).toBe(said);
    expect(await readiness(() => new Response("ok"))).toBe("ready");
    expect(await readiness(() => new Response("ok"), false)).toBe("The worker does not answer.");
  });

  test("a worker that answers over HTTP alone is said to have another secret, in the log once", async () => {
    const told: string[] = [];
    const log = {
      ...createLog("api", "silent"),
      error: (_: object, line: string) => void told.push(line),
    };
    await using worker = startFakeWorker();
    await using api = runApi(worker.url, { lookMs: 1, log: log as unknown as Log });
    api.link.answering = false;
    const said = async () => problemOf(await api.call("GET", "/readyz"));
    while ((await said()) === "The worker does not answer.");
    expect(await said()).toStartWith(
      "The worker answers at WORKER_HTTP, but not over the link: is LINK_SECRET the same,",
    );
    expect(told).toEqual([await said()]);
    api.link.answering = true;
    expect((await api.call("GET", "/readyz")).status).toBe(200);
  });

  test("what the worker's http says in no words, or not at all, leaves it to the link", async () => {
    expect(await readiness(() => new Response("?", { status: 502 }))).toBe("ready");
    const never = Promise.withResolvers<Response>();
    expect(await readiness(() => never.promise)).toBe("ready");
    never.resolve(new Response());
  });

  test("the worker is asked once for everybody who asks meanwhile", async () => {
    const answered = Promise.withResolvers<void>();
    await using worker = startFakeWorker(async () => {
      await answered.promise;
      return full();
    });
    await using api = runApi(worker.url);
    const asking = Array.from({ length: 20 }, () => api.call("GET", "/readyz"));
    while (worker.seen.length === 0) await Bun.sleep(1);
    answered.resolve();
    const statuses = (await Promise.all(asking)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([503]));
    expect(worker.seen.length).toBeLessThan(20);
  });
});

describe("paths and methods", () => {
  const absent = [
    "/payment",
    "/Payments",
    "/payments/",
    "/payments%2f",
    `/payments/${ID}/refunds`,
    `/payments/${ID}/`,
    "/payments-summary/",
    "/dashboards",
    "/livez/",
    "/favicon.ico",
  ];
  test("another path is 404, and not passed on", async () => {
    await using worker = startFakeWorker();
    await using api = runApi(worker.url);
    for (const path of absent) {
      const response = await api.call("GET", path);
      expect([path, response.status]).toEqual([path, 404]);
      expect(await problemOf(response)).toBe("There is nothing at this path.");
    }
    expect(worker.seen).toEqual([]);
  });

  test("an operator's call is 404, whatever token it carries, and not passed on", async () => {
    await using worker = startFakeWorker();
    await using api = runApi(worker.url);
    const headers = { authorization: "Bearer the right one" };
    const calls = [
      ["GET", "/operator"],
      ["GET", "/operator/payments"],
      ["GET", `/operator/payments/${ID}`],
      ["POST", `/operator/payments/${ID}/settle`],
      ["POST", "/operator/processors/default/drain"],
    ] as const;
    for (const [method, path] of calls) {
      const response = await api.call(method, path, { headers });
      expect([path, response.status]).toEqual([path, 404]);
    }
    expect(worker.seen).toEqual([]);
  });

  const allowed: [string, string, string][] = [
    ["/payments", "PUT DELETE PATCH OPTIONS", "POST, GET, HEAD"],
    [`/payments/${ID}`, "POST PUT DELETE", "GET, HEAD"],
    ["/payments-summary", "POST DELETE", "GET, HEAD"],
    ["/purge-payments", "GET HEAD DELETE", "POST"],
    ["/dashboard", "POST", "GET, HEAD"],
    ["/dashboard/app.js", "PUT", "GET, HEAD"],
    ["/livez", "POST", "GET, HEAD"],
    ["/readyz", "POST", "GET, HEAD"],
    ["/metrics", "POST", "GET, HEAD"],
  ];
  test("what the worker owns and is public is passed on, and nothing else of the table", async () => {
    await using worker = startFakeWorker();
    await using api = runApi(worker.url);
    for (const id of OPERATION_IDS) {
      const { method, path, owner, public: isPublic, guard } = rowOf(id);
      const target = path.replace(/\{\w+\}/, ID);
      worker.seen.length = 0;
      const headers = guard === "read" ? { authorization: "Bearer read" } : {};
      const response = await api.call(method, target, { headers });
      expect([path, response.status === 404]).toEqual([path, !isPublic]);
      const passedOn = worker.seen.some((seen) => seen.target.split("?")[0] === target);
      // An API asks the worker for its readiness.
      const asksWorker = path === "/readyz" || (isPublic && owner === "worker");
      expect([path, passedOn]).toEqual([path, asksWorker]);
    }
  });

  test("a path is the one that it comes to: none is passed on under another's name", async () => {
    await using worker = startFakeWorker();
    await using api = runApi(worker.url);
    for (const target of ["/dashboard/../operator/payments", "/payments/%2e%2e/open-payments"]) {
      const answer = await sendRaw(api.port, `GET ${target} HTTP/1.1\r\n${CLOSE}\r\n`);
      expect([target, answer.slice(0, 13)]).toEqual([target, "HTTP/1.1 404 "]);
    }
    expect(worker.seen).toEqual([]);
  });

  test("another method is 405 with those that are allowed, and not passed on", async () => {
    await using worker = startFakeWorker();
    await using api = runApi(worker.url);
    for (const [path, methods, allow] of allowed) {
      for (const method of methods.split(" ")) {
        const response = await api.call(method, path);
        const got = [method, path, response.status, response.headers.get("allow")];
        expect(got).toEqual([method, path, 405, allow]);
        if (method === "HEAD") continue;
        expect(await problemOf(response)).toContain(`not ${method}`);
      }
    }
    expect(worker.seen).toEqual([]);
  });

  test("HEAD answers as GET does, without a body", async () => {
    await using api = runApi();
    const head = await sendRaw(api.port, `HEAD /livez HTTP/1.1\r\n${CLOSE}\r\n`);
    expect(head).toStartWith("HTTP/1.1 200 ");
    expect(head.toLowerCase()).toContain("content-length: 6\r\n");
    expect(head).toEndWith("\r\n\r\n");
    api.link.answering = false;
    expect((await api.call("HEAD", "/readyz")).status).toBe(503);
  });

  test("a strange Host or an absolute address changes nothing about the path", async () => {
    await using api = runApi();
    const get = (target: string, host: string) =>
      sendRaw(api.port, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await get("/livez", "a/dashboard?x=")).toStartWith("HTTP/1.1 200 ");
    expect(await get("/nothing", "a/livez")).toStartWith("HTTP/1.1 404 ");
    expect(await get("http://other.example/livez", "shop")).toStartWith("HTTP/1.1 200 ");
    expect(await get("/dashboard/../livez", "shop")).toStartWith("HTTP/1.1 200 ");
    expect(await get("//livez", "shop")).toStartWith("HTTP/1.1 404 ");
    expect(await get("//other.example/livez", "shop")).toStartWith("HTTP/1.1 404 ");
  });
});

describe("stop", () => {
  const SAYS_CLOSE = /^connection: close$/im;

  test("answers what is in flight, takes no new connection, then resolves", async () => {
    const api = runApi();
    const handedOver = Promise.withResolvers<void>();
    const verdict = Promise.withResolvers<Verdict>();
    api.link.verdict = () => {
      handedOver.resolve();
      return verdict.promise;
    };
    const paying = api.pay(PAYMENT);
    await handedOver.promise;
    let stopped = false;
    const stopping = api.stop().then(() => {
      stopped = true;
    });
    await expect(api.call("GET", "/livez", { keepalive: false })).rejects.toThrow();
    expect(stopped).toBe(false);
    verdict.resolve({ kind: "stored" });
    expect((await paying).status).toBe(202);
    await stopping;
  });

  test("answers whoever still asks, with Connection: close, and turns readiness red", async () => {
    const leaveTimes = { ...AT_ONCE, quietMs: 1_500, answerMsMax: 60_000 };
    const api = runApi(undefined, { leaveTimes });
    using kept = await connect(api.port);
    expect(await kept.ask(`GET /readyz HTTP/1.1\r\nHost: shop\r\n\r\n`)).not.toMatch(SAYS_CLOSE);
    const stopping = api.stop();
    const post = `POST /payments HTTP/1.1\r\nHost: shop\r\nContent-Length: ${PAYMENT.length}\r\n\r\n`;
    const paid = await kept.ask(post + PAYMENT);
    expect(paid).toStartWith("HTTP/1.1 202 ");
    expect(paid).toMatch(SAYS_CLOSE);
    await kept.closed;
    using fresh = await connect(api.port);
    const ready = await fresh.ask(`GET /readyz HTTP/1.1\r\nHost: shop\r\n\r\n`);
    expect(ready).toStartWith("HTTP/1.1 503 ");
    expect(ready).toContain("This API is shutting down.");
    await stopping;
    expect(api.link.paid).toHaveLength(1);
    await expect(connect(api.port)).rejects.toThrow();
  });

  test("can be asked for twice", async () => {
    const api = runApi();
    await Promise.all([api.stop(), api.stop()]);
    await api.stop();
  });

  test("breaks off a client that does not finish its request", async () => {
    const api = runApi(undefined, { leaveTimes: { ...AT_ONCE, breakOffMs: 1 } });
    const half = `POST /payments HTTP/1.1\r\nHost: shop\r\nContent-Length: 80\r\n\r\n{`;
    const answer = sendRaw(api.port, half);
    await api.call("GET", "/livez");
    await api.stop();
    expect(await answer).toBe("");
    expect(api.link.paid).toEqual([]);
  });
});
