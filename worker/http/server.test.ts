import type { Readiness } from "../../shared/http-api/readiness.ts";
import { describe, expect, spyOn, test } from "bun:test";
import { problemOf } from "../../shared/problem.fixture.ts";
import { Counter, Gauge, Registry } from "prom-client";
import pino from "pino";
import { JournalUnreachable } from "../journal-reader.ts";
import { foundAs, runHttp } from "./server.fixture.ts";
import { JournalInDoubt } from "./standstill.ts";

const READY: Readiness = { reasons: [], warnings: [] };

const because = (code: string, detail: string): Readiness => {
  return { reasons: [{ code, detail }], warnings: [] };
};
const EXAMPLE = "2026-01-31T09:30:00Z or 2026-01-31T06:30:00-03:00";
const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const AT_MS = Date.UTC(2025, 6, 15, 12, 0, 0);
const GET_ROUTES = [
  "/payments-summary",
  `/payments/${ID}`,
  "/livez",
  "/readyz",
  "/metrics",
] as const;

/** Sends bytes, and collects all that the connection brings until the other side closes it. */
async function sendRaw(port: number, text: string): Promise<string> {
  const closed = Promise.withResolvers<void>();
  let received = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => void (received += bytes.toString("latin1")),
      close: () => closed.resolve(),
    },
  });
  socket.write(text);
  await closed.promise;
  return received;
}

describe("whatever the Host", () => {
  const CLOSE = "Connection: close\r\n\r\n";
  test.each([
    ["none, as of HTTP/1.0", "GET /livez HTTP/1.0\r\n\r\n"],
    ["empty", `GET /livez HTTP/1.1\r\nHost:\r\n${CLOSE}`],
    ["a port that is none", `GET /livez HTTP/1.1\r\nHost: w:99999\r\n${CLOSE}`],
    ["half an IPv6 address", `GET /livez HTTP/1.1\r\nHost: [::1\r\n${CLOSE}`],
    ["a path", `GET /livez HTTP/1.1\r\nHost: a/dashboard?x=\r\n${CLOSE}`],
    ["that of an absolute target", `GET http://b/livez HTTP/1.1\r\nHost: w:99999\r\n${CLOSE}`],
    ["with a query and a fragment", `GET /livez?a=/b#c HTTP/1.1\r\nHost:\r\n${CLOSE}`],
  ])("%s, the path is found", async (_, request) => {
    await using http = runHttp();
    expect(await sendRaw(http.server.port, request)).toStartWith("HTTP/1.1 200 ");
  });

  test.each([
    ["OPTIONS *", "OPTIONS * HTTP/1.1", 400],
    ["CONNECT", "CONNECT worker:9995 HTTP/1.1", 404],
    ["an escape", "GET /%6civez HTTP/1.1", 404],
    ["a path with another above it", "GET /dashboard/../livez HTTP/1.1", 200],
  ])("%s is answered without an error", async (_, line, status) => {
    await using http = runHttp();
    const answer = await sendRaw(http.server.port, `${line}\r\nHost: worker\r\n${CLOSE}`);
    expect(answer).toStartWith(`HTTP/1.1 ${status} `);
  });
});

describe("leaving", () => {
  test("everybody is answered, not ready and with Connection: close, until it stops", async () => {
    const leaveTimes = { quietMs: 60_000, answerMsMax: 1_500, breakOffMs: 1_000 };
    await using http = runHttp({ leaveTimes });
    http.server.setReadiness(READY);
    http.server.leave();
    http.server.setReadiness(READY);
    const answer = await sendRaw(http.server.port, "GET /readyz HTTP/1.1\r\nHost: w\r\n\r\n");
    expect(answer).toStartWith("HTTP/1.1 503 ");
    expect(answer).toMatch(/^connection: close$/im);
    expect(answer).toContain("draining");
    await http.server.stop();
    await expect(http.call("GET", "/livez", { keepalive: false })).rejects.toThrow();
  });

  test("whoever has not finished a request is broken off", async () => {
    await using http = runHttp({ leaveTimes: { quietMs: 0, answerMsMax: 0, breakOffMs: 1 } });
    const half = sendRaw(http.server.port, "GET /livez HTTP/1.1\r\nHost: w\r\nX-A");
    await http.call("GET", "/livez");
    await http.server.stop();
    expect(await half).toBe("");
  });
});

describe("GET /payments-summary", () => {
  test("shows every configured processor, by name, before any payment", async () => {
    await using http = runHttp();
    const response = await http.call("GET", "/payments-summary");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.text()).toBe(
      '{"default":{"totalRequests":0,"totalAmount":0.00},"fallback":{"totalRequests":0,"totalAmount":0.00}}',
    );
  });

  test("sums the window, both ends included", async () => {
    await using http = runHttp();
    for (let n = 0; n < 10; n++) http.ledger.append(AT_MS + n, 1990, n % 2);
    const at = (ms: number) => new Date(AT_MS + ms).toISOString();
    const summary = async (query: string) =>
      (await http.call("GET", `/payments-summary${query}`)).json();
    expect(await summary(`?from=${at(2)}&to=${at(5)}`)).toEqual({
      default: { totalRequests: 2, totalAmount: 39.8 },
      fallback: { totalRequests: 2, totalAmount: 39.8 },
    });
    expect(await summary(`?from=${at(9)}`)).toMatchObject({ default: { totalRequests: 0 } });
    expect(await summary(`?to=${at(0)}&from=`)).toMatchObject({ default: { totalRequests: 1 } });
    // With offsets, and a plus as somebody types it.
    const window = "from=2025-07-15T09:00:00.002-03:00&to=2025-07-15T17:45:00.005+05:45";
    expect(await summary(`?${window}`)).toEqual(await summary(`?from=${at(2)}&to=${at(5)}`));
  });

  test("writes amounts to the cent, however large they are", async () => {
    await using http = runHttp();
    // A double has no cents left at 90 071 992 547 409.91.
    http.ledger.append(AT_MS, Number.MAX_SAFE_INTEGER, 0);
    http.ledger.append(AT_MS, Number.MAX_SAFE_INTEGER - 1_000_001, 1);
    http.ledger.append(AT_MS, 1_000_000, 1);
    const text = await (await http.call("GET", "/payments-summary")).text();
    expect(text).toContain('"default":{"totalRequests":1,"totalAmount":90071992547409.91}');
    expect(text).toContain('"fallback":{"totalRequests":2,"totalAmount":90071992547409.90}');
  });

  test("shows a processor that is not configured any more while it has payments", async () => {
    await using http = runHttp({ names: ["default", "retired", "fallback"] });
    const names = async (query = "") =>
      Object.keys(
        (await (await http.call("GET", `/payments-summary${query}`)).json()) as Record<
          string,
          unknown
        >,
      );
    expect(await names()).toEqual(["default", "fallback"]);
    http.ledger.append(AT_MS, 100, 1);
    expect(await names()).toEqual(["default", "retired", "fallback"]);
    expect(await names("?from=2025-07-15T12:00:00.001Z")).toEqual(["default", "fallback"]);
  });

  test.each([
    ["from=yesterday", `from is not an ISO 8601 instant such as ${EXAMPLE}: "yesterday"`],
    [
      "to=2025-02-30T00:00:00Z",
      `to is not an ISO 8601 instant such as ${EXAMPLE}: "2025-02-30T00:00:00Z"`,
    ],
    ["from=2025-07-02T00:00:00Z&to=2025-07-01T00:00:00Z", "from is later than to"],
  ])("refuses %s", async (query, detail) => {
    await using http = runHttp();
    const response = await http.call("GET", `/payments-summary?${query}`);
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toBe(detail);
  });
});

describe("GET /payments/{id}", () => {
  test("gives what the journal says, for the id in any case", async () => {
    const asked: string[] = [];
    const payment = async (id: string) => {
      asked.push(id);
      return foundAs(id);
    };
    await using http = runHttp({ journal: { payment } });
    const response = await http.call("GET", `/payments/${ID.toUpperCase()}`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toMatchObject({ correlationId: ID, status: "accepted" });
    expect(asked).toEqual([ID]);
  });

  test.each([ID, "4a7901b8", `${ID}x`, "%00", "..%2f..%2fetc"])("does not know %p", async (id) => {
    await using http = runHttp();
    const response = await http.call("GET", `/payments/${id}`);
    expect(response.status).toBe(404);
    expect(await problemOf(response)).toBe("No payment has this correlationId.");
  });
});

describe("POST /purge-payments", () => {
  const enabled = { PURGE_ENABLED: true };

  test("does not exist unless it is enabled", async () => {
    let purges = 0;
    await using http = runHttp({ purge: async () => void purges++ });
    const response = await http.call("POST", "/purge-payments");
    expect(response.status).toBe(404);
    expect(await problemOf(response)).toContain("PURGE_ENABLED");
    expect(purges).toBe(0);
  });

  test("answers 204 when the purge is durable, and not before", async () => {
    const durable = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const purge = () => {
      begun.resolve();
      return durable.promise;
    };
    await using http = runHttp({ settings: enabled, purge });
    let answered = false;
    const purging = http.call("POST", "/purge-payments").then((response) => {
      answered = true;
      return response;
    });
    await begun.promise;
    // Another request goes there and back meanwhile.
    expect((await http.call("GET", "/livez")).status).toBe(200);
    expect(answered).toBe(false);
    durable.resolve();
    const response = await purging;
    expect([response.status, await response.text()]).toEqual([204, ""]);
  });

  test.concurrent("answers 503 when the journal does not", async () => {
    await using http = runHttp({ settings: enabled, purge: () => new Promise(() => {}) });
    const response = await http.call("POST", "/purge-payments");
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await problemOf(response)).toContain("may still happen");
  });

  test.each([
    [undefined, 401],
    ["", 401],
    ["Bearer", 401],
    ["Bearer wrong", 401],
    ["Bearer a tokenx", 401],
    ["Bearer a toke", 401],
    ["a token", 401],
    ["Basic a token", 401],
    ["Bearer a token,an old token", 401],
    ["Bearer a token", 204],
    ["Bearer an old token", 204],
  ])("with a token set answers the authorization %p with %d", async (authorization, status) => {
    let purges = 0;
    await using http = runHttp({
      settings: { ...enabled, ADMIN_TOKEN: ["a token", "an old token"] },
      purge: async () => void purges++,
    });
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await http.call("POST", "/purge-payments", { headers });
    expect(response.status).toBe(status);
    expect(purges).toBe(status === 204 ? 1 : 0);
    if (status === 204) return;
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
    expect(await problemOf(response)).not.toContain("a token");
  });
});

describe("health", () => {
  test("is live from the first moment, ready when it is told so, and gives the reason when not", async () => {
    await using http = runHttp();
    const ready = () => http.call("GET", "/readyz");
    expect((await http.call("GET", "/livez")).status).toBe(200);
    const starting = await ready();
    expect([starting.status, starting.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await problemOf(starting)).toBe("starting");
    http.server.setReadiness(READY);
    expect((await ready()).status).toBe(200);
    http.server.setReadiness(because("journal-fails", "the journal fails: disk full"));
    expect(await problemOf(await ready())).toBe("the journal fails: disk full");
    const all = await http.call("GET", "/readyz?verbose");
    expect([all.status, all.headers.get("retry-after")]).toEqual([503, "1"]);
    const reasons = [{ code: "journal-fails", detail: "the journal fails: disk full" }];
    expect(await all.json()).toEqual({ ready: false, reasons, warnings: [] });
    expect((await http.call("GET", "/readyz?verbos")).status).toBe(400);
    expect((await http.call("GET", "/livez")).status).toBe(200);
    http.server.setReadiness(READY);
    expect((await ready()).status).toBe(200);
  });
});

describe("GET /metrics", () => {
  const LINE = /^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+-]+$/;

  async function pipelineMetrics(): Promise<unknown> {
    const registers = [new Registry()];
    const settled = new Counter({
      name: "papaleguas_settled_total",
      help: "Settled",
      labelNames: ["processor"],
      registers,
    });
    settled.inc({ processor: "default" }, 7);
    new Gauge({ name: "papaleguas_backlog", help: "Backlog", registers }).set(3);
    return registers[0]?.getMetricsAsJSON();
  }

  test("are the pipeline's and its own, on one page that parses", async () => {
    await using http = runHttp({ pipelineMetrics });
    await http.call("GET", "/livez");
    await http.call("GET", "/nowhere");
    const response = await http.call("GET", "/metrics");
    expect(response.headers.get("content-type")).toStartWith("text/plain");
    const lines = (await response.text()).trim().split("\n");
    for (const line of lines.filter((each) => each !== "" && !each.startsWith("#"))) {
      expect(line).toMatch(LINE);
    }
    expect(lines).toContain('papaleguas_settled_total{processor="default"} 7');
    expect(lines).toContain("papaleguas_backlog 3");
    expect(lines).toContain('papaleguas_http_requests_total{route="/livez",code="200"} 1');
    expect(lines).toContain('papaleguas_http_requests_total{route="none",code="404"} 1');
    expect(lines.filter((line) => line.startsWith("# TYPE papaleguas_backlog "))).toHaveLength(1);
  });

  test("leave out what cannot be read, as without a descriptor, and show the rest", async () => {
    await using http = runHttp({ pipelineMetrics });
    using rss = spyOn(process.memoryUsage, "rss");
    rss.mockImplementation(() => {
      throw new Error("Failed to get memory usage");
    });
    const response = await http.call("GET", "/metrics");
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).not.toContain("\npapaleguas_resident_memory_bytes ");
    expect(text).toContain("# TYPE papaleguas_resident_memory_bytes ");
    expect(text).toContain("\npapaleguas_backlog 3\n");
  });

  test("have no label that a caller can make up", async () => {
    await using http = runHttp();
    for (let n = 0; n < 20; n++) await http.call("GET", `/made-up-${n}`);
    for (let n = 0; n < 20; n++) await http.call("GET", `/payments/made-up-${n}`);
    const text = await (await http.call("GET", "/metrics")).text();
    expect(text).not.toContain("made-up");
    expect(text).toContain('route="/payments/{id}",code="404"} 20');
  });

  test.concurrent(
    "come with the pipeline's as they were when it does not answer, and it is asked once",
    async () => {
      let asked = 0;
      const answers = [pipelineMetrics()];
      const never = new Promise<never>(() => {});
      await using http = runHttp({ pipelineMetrics: () => (asked++, answers.pop() ?? never) });
      const read = async () => (await http.call("GET", "/metrics")).text();
      expect(await read()).toContain("\npapaleguas_pipeline_answering 1\n");
      for (const text of await Promise.all([read(), read()])) {
        expect(text).toContain("\npapaleguas_pipeline_answering 0\n");
        expect(text).toContain("\npapaleguas_backlog 3\n");
      }
      await read();
      expect(asked).toBe(2);
    },
  );

  test.concurrent("come without the pipeline's when it has never answered", async () => {
    await using http = runHttp({ pipelineMetrics: () => new Promise(() => {}) });
    const response = await http.call("GET", "/metrics");
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("papaleguas_resident_memory_bytes");
  });

  test("tell the room on the journal's disk, and nothing of one that is not there", async () => {
    const free = async (JOURNAL: string) => {
      await using http = runHttp({ settings: { JOURNAL } });
      const text = await (await http.call("GET", "/metrics")).text();
      return /^papaleguas_journal_disk_free_bytes (\S+)$/m.exec(text)?.[1];
    };
    expect(Number(await free("payments.db"))).toBeGreaterThan(0);
    expect(await free("/nowhere/payments.db")).toBeUndefined();
  });

  test("say whether it is ready", async () => {
    await using http = runHttp();
    const read = async () => (await http.call("GET", "/metrics")).text();
    expect(await read()).toContain("\npapaleguas_ready 0\n");
    http.server.setReadiness(READY);
    expect(await read()).toContain("\npapaleguas_ready 1\n");
  });
});

describe("while the pipeline stands still", () => {
  const still = "the pipeline has stood still for 3 s";
  const standstill = {
    reason: () => still,
    isInDoubt: () => true,
    news: () => 0,
    untilFresh: () => Promise.reject(new JournalInDoubt()),
  };

  test("it is not ready and says why, unless it has said another reason itself", async () => {
    await using http = runHttp({ standstill });
    http.server.setReadiness(READY);
    const response = await http.call("GET", "/readyz");
    expect([response.status, await problemOf(response)]).toEqual([503, still]);
    http.server.setReadiness(because("draining", "draining"));
    expect(await problemOf(await http.call("GET", "/readyz"))).toBe("draining");
  });

  test("what would read the journal is refused and counted, everything else answers", async () => {
    await using http = runHttp({ standstill, settings: { ADMIN_TOKEN: ["t"] } });
    const answers = [
      `/payments/${ID}`,
      "/audit",
      "/open-payments",
      "/dashboard/open",
      `/dashboard/payments/${ID}`,
      "/operator/payments",
    ];
    for (const path of answers) {
      const response = await http.call("GET", path);
      expect([path, response.status]).toEqual([path, 503]);
      expect(await problemOf(response)).toContain("stands still");
      expect(response.headers.get("retry-after")).toBe("1");
    }
    for (const path of ["/payments-summary", "/livez", "/metrics", "/openapi.json"]) {
      expect([path, (await http.call("GET", path)).status]).toEqual([path, 200]);
    }
    const text = await (await http.call("GET", "/metrics")).text();
    expect(text).toContain('route="/payments/{id}",code="503"} 1');
  });
});

describe("every path", () => {
  test("the address alone leads to the page", async () => {
    await using http = runHttp();
    const { status, headers } = await http.call("GET", "/", { redirect: "manual" });
    expect([status, headers.get("location")]).toEqual([302, "/dashboard"]);
  });

  test.each(["/payment", "/payments/", "/payments/a/b", "/PAYMENTS-SUMMARY", "/metrics/"])(
    "that is none (%s) is 404",
    async (path) => {
      await using http = runHttp();
      const response = await http.call("GET", path);
      expect(response.status).toBe(404);
      await problemOf(response);
    },
  );

  test.each(
    GET_ROUTES.flatMap((path) =>
      ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"].map((m) => [m, path]),
    ),
  )("%s %s is 405 and names what is allowed", async (method, path) => {
    await using http = runHttp();
    const response = await http.call(method, path);
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect(await problemOf(response)).toContain("GET, HEAD");
  });

  test.each(["GET", "HEAD", "PUT"])("%s /purge-payments is 405", async (method) => {
    await using http = runHttp({ settings: { PURGE_ENABLED: true } });
    const response = await http.call(method, "/purge-payments");
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test.each(GET_ROUTES)("HEAD %s is GET without a body", async (path) => {
    await using http = runHttp({ journal: { payment: async (id) => foundAs(id) } });
    http.server.setReadiness(READY);
    const response = await http.call("HEAD", path);
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });
});

test("a failure inside is a 500 that tells nothing of the inside, and is logged", async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  const payment = async () => {
    throw new Error("SELECT secret FROM nowhere");
  };
  await using http = runHttp({ journal: { payment }, log });
  const response = await http.call("GET", `/payments/${ID}`);
  expect(response.status).toBe(500);
  const detail = await problemOf(response);
  expect(detail).not.toMatch(/SELECT|secret|server\.ts|at /);
  expect(lines.join("")).toContain("SELECT secret FROM nowhere");
  expect((await http.call("GET", "/livez")).status).toBe(200);
});

test("a journal that cannot be asked is a 503 with its sentence", async () => {
  const payment = () => Promise.reject(new JournalUnreachable("Nobody answers."));
  await using http = runHttp({ journal: { payment } });
  const response = await http.call("GET", `/payments/${ID}`);
  expect([response.status, await problemOf(response)]).toEqual([503, "Nobody answers."]);
});

test("a read that meets a damaged journal is told to whoever can end the worker", async () => {
  const told: string[] = [];
  const onCorruption = (message: string) => void told.push(message);
  const throwing = (code: string) => async () => {
    throw Object.assign(new Error(`about ${code}`), { code });
  };
  for (const code of ["SQLITE_BUSY", "SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX", "SQLITE_NOTADB"]) {
    await using http = runHttp({ journal: { payment: throwing(code) }, onCorruption });
    expect((await http.call("GET", `/payments/${ID}`)).status).toBe(500);
  }
  const codes = ["SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX", "SQLITE_NOTADB"];
  expect(told).toEqual(codes.map((code) => `about ${code}`));
});
