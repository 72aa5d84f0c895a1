/** Several workers behind an API: whom it asks, when it is ready, and what it tells of those that are silent. */
import { describe, expect, test } from "bun:test";
import { problemOf } from "../shared/problem.fixture.ts";
import { Incidents } from "../shared/incidents.ts";
import { FakeLink, runApi, startFakeWorker, vacantUrl } from "./server.fixture.ts";
import { WorkersWatch } from "./workers-watch.ts";

describe("what is passed on", () => {
  test("goes to the next worker when the first is not there, orders too", async () => {
    await using worker = startFakeWorker();
    await using api = runApi([vacantUrl(), worker.url]);
    expect(await (await api.call("GET", "/payments-summary")).text()).toBe("from worker");
    expect((await api.call("POST", "/purge-payments", { body: "{}" })).status).toBe(200);
    const asked = worker.seen.map(({ method, body }) => [method, body]);
    expect(asked).toEqual([
      ["GET", ""],
      ["POST", "{}"],
    ]);
  });

  test("goes to the next when the first is too slow, but no order does", async () => {
    await using first = startFakeWorker(() => new Promise<never>(() => {}));
    await using second = startFakeWorker();
    await using api = runApi([first.url, second.url], { workerTimeoutMs: 500 });
    expect((await api.call("GET", "/payments-summary")).status).toBe(200);
    expect((await api.call("POST", "/purge-payments")).status).toBe(503);
    expect(second.seen.map(({ method }) => method)).toEqual(["GET"]);
    expect(first.seen.map(({ method }) => method)).toEqual(["GET", "POST"]);
  });

  test("goes to the next when the first breaks off, but no order does", async () => {
    const broken = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data: (socket) => void socket.terminate() },
    });
    await using second = startFakeWorker();
    await using api = runApi([`http://127.0.0.1:${broken.port}`, second.url]);
    expect((await api.call("GET", "/payments-summary")).status).toBe(200);
    expect((await api.call("POST", "/purge-payments")).status).toBe(503);
    expect(second.seen.map(({ method }) => method)).toEqual(["GET"]);
    broken.stop(true);
  });

  test("goes to the next when the first cannot answer now, and is its answer when all cannot", async () => {
    let status = 200;
    await using first = startFakeWorker(() => new Response("first", { status: 503 }));
    await using second = startFakeWorker(() => new Response("second", { status }));
    await using api = runApi([first.url, second.url]);
    const ask = async () => {
      const answer = await api.call("GET", "/payments-summary");
      return [answer.status, await answer.text()];
    };
    expect(await ask()).toEqual([200, "second"]);
    status = 503;
    expect(await ask()).toEqual([503, "second"]);
    await using alone = runApi([vacantUrl(), vacantUrl()]);
    const refused = await alone.call("GET", "/payments-summary");
    expect(await problemOf(refused)).toBe("The worker does not answer.");
  });
});

describe("an API of several workers", () => {
  const fine = () => Response.json({ ready: true, reasons: [], warnings: [] });
  const fails = () => {
    const reasons = [{ code: "journal-fails", detail: "no quorum" }];
    return Response.json({ ready: false, reasons, warnings: [] }, { status: 503 });
  };

  test("is ready as long as one takes payments, and says what the others lack", async () => {
    await using first = startFakeWorker(fine);
    await using second = startFakeWorker(fails);
    await using api = runApi([first.url, second.url]);
    const all = async () => (await api.call("GET", "/readyz?verbose")).json();
    const lacks = {
      code: "journal-fails",
      detail: "127.0.0.1:9999: The worker is not ready: no quorum.",
    };
    expect(await all()).toEqual({ ready: true, reasons: [], warnings: [lacks] });
    api.link.silent.add(first.url);
    const silent = { code: "worker-silent", detail: "127.0.0.1:9998: The worker does not answer." };
    expect(await all()).toEqual({ ready: false, reasons: [silent, lacks], warnings: [] });
  });

  test("is not ready without a map", async () => {
    await using api = runApi([]);
    const response = await api.call("GET", "/readyz?verbose");
    expect(await response.json()).toMatchObject({ ready: false, reasons: [{ code: "no-map" }] });
  });
});

test("each silent worker is an incident, until it answers or is in the map no more; no map is one", () => {
  let nowMs = 0;
  const lines: unknown[] = [];
  const clock = { steadyMs: () => nowMs, wallMs: () => nowMs };
  const note = ({ worker }: { worker?: string }, message: string) =>
    void lines.push(`${message.slice(0, 22)} ${worker ?? ""}`);
  const incidents = new Incidents(clock, { info: note, error: note } as never);
  const workers = new FakeLink();
  const verdicts = { timeout: 0, busy: 0 };
  const overHttp = async () => null;
  const watch = new WorkersWatch({ clock, incidents, verdicts, workers, overHttp });
  const pass = (ms: number) => {
    for (const untilMs = nowMs + ms; nowMs < untilMs; nowMs += 500) watch.look();
  };
  pass(10_000);
  workers.http.push("a", "b");
  pass(10_000);
  workers.silent.add("b");
  pass(10_000);
  workers.http.pop();
  pass(10_000);
  expect(lines).toEqual([
    "No worker tells which  ",
    "over: No worker tells  ",
    "the worker does not an 127.0.0.1:9999",
    "over: the worker does  127.0.0.1:9999",
  ]);
});
