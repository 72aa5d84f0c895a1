import { describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { pauseWhileReading } from "../../shared/net/pause.fixture.ts";
import { until } from "../../testing/until.ts";
import { exchangeTo } from "./exchange.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

function serve(answer: (socket: Socket, request: string) => void) {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let connections = 0;
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        sockets.add(socket);
        connections++;
      },
      close: (socket) => void sockets.delete(socket),
      data(socket, bytes) {
        requests.push(bytes.toString());
        answer(socket, bytes.toString());
      },
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    sockets,
    requests,
    connections: () => connections,
    [Symbol.dispose]: () => server.stop(true),
  };
}

const soon = (socket: Socket) => void setTimeout(() => socket.write(OK), 5);

test("calls in flight have a connection each, and later ones take those that are there", async () => {
  using server = serve(soon);
  const exchange = exchangeTo(server.url);
  const call = () => exchange({ url: `${server.url}/payments`, body: "{}", timeoutMs: 5_000 });
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(Array.from({ length: 200 }, call));
    expect(answers.every(({ status, body }) => status === 200 && body === "{}")).toBe(true);
  }
  expect(server.connections()).toBe(200);
});

test("a connection that the processor has closed is not used again, and one is made, which is told", async () => {
  using server = serve((socket) => socket.write(OK));
  const exchange = exchangeTo(server.url);
  const call = () => exchange({ url: `${server.url}/payments/1`, timeoutMs: 5_000 });
  expect(await call()).toMatchObject({ connected: true });
  expect(await call()).toMatchObject({ connected: false });
  // It is closed here once the other end has heard of it, and is closed, too.
  for (const socket of server.sockets) socket.shutdown();
  await until("both ends are closed", () => server.sockets.size === 0);
  expect(await call()).toMatchObject({ status: 200, connected: true });
  expect(server.connections()).toBe(2);
});

test("idle connections are closed before a processor would", async () => {
  using server = serve((socket) => socket.write(OK));
  const exchange = exchangeTo(server.url, { idleMsMax: 100 });
  const call = () => exchange({ url: server.url, timeoutMs: 5_000 });
  await Promise.all([call(), call(), call()]);
  await until("they are closed", () => server.sockets.size === 0);
  expect((await call()).status).toBe(200);
});

test("nor are they used after a pause of ours, in which nobody could close them", async () => {
  using server = serve((socket) => socket.write(OK));
  const exchange = exchangeTo(server.url, { idleMsMax: 200 });
  const call = () => exchange({ url: server.url, timeoutMs: 5_000 });
  await call();
  const later = Promise.withResolvers<ReturnType<typeof call>>();
  // Within the turn that was paused, before any timer.
  void pauseWhileReading(300, { atOnce: () => later.resolve(call()) });
  expect((await later.promise).status).toBe(200);
  expect(server.connections()).toBe(2);
});

test("the path of the address comes before that of the call, and the host is named with its port", async () => {
  using server = serve((socket) => socket.write(OK));
  const base = `${server.url}/some/place`;
  await exchangeTo(base)({ url: `${base}/payments/1`, timeoutMs: 5_000 });
  const [request = ""] = server.requests;
  expect(request).toStartWith("GET /some/place/payments/1 HTTP/1.1\r\n");
  expect(request).toContain(`\r\nHost: ${new URL(base).host}\r\n`);
});

test("a request that never left says so, one that got no answer does not", async () => {
  let answers = 1;
  using silent = serve((socket) => {
    if (answers-- > 0) socket.write(OK);
  });
  const { url } = silent;
  const exchange = exchangeTo(url);
  // The connection is there: what is to take too long is the answer.
  await exchange({ url, timeoutMs: 5_000 });
  const late = await exchange({ url, timeoutMs: 60 }).catch((error: Error) => error);
  expect(late).toMatchObject({ name: "TimeoutError" });
  expect(late).not.toHaveProperty("neverLeft");
  silent[Symbol.dispose]();
  const refused = exchangeTo(url)({ url, timeoutMs: 5_000 });
  expect(await refused.catch((error: Error) => error)).toMatchObject({
    code: "ECONNREFUSED",
    neverLeft: true,
  });
});

const at = (port: string) => `http://processor.test:${port}`;
/** A processor at an address of its own, at a port that several have. */
function serveAt(hostname: string, port: number) {
  let calls = 0;
  let held: Socket[] | null = null;
  const sockets = new Set<Socket>();
  const server = Bun.listen({
    hostname,
    port,
    socket: {
      open: (socket) => void sockets.add(socket),
      close: (socket) => void sockets.delete(socket),
      data(socket) {
        calls++;
        if (held === null) setTimeout(() => socket.write(OK), 20);
        else held.push(socket);
      },
    },
  });
  return {
    port: server.port,
    sockets,
    calls: () => calls,
    hold: () => void (held = []),
    release: () => held?.forEach((socket) => socket.write(OK)),
    [Symbol.dispose]: () => server.stop(true),
  };
}

describe("a name", () => {
  test("is followed: connections to an address that it no longer has get no further call", async () => {
    using before = serveAt("127.0.0.2", 0);
    using after = serveAt("127.0.0.3", before.port);
    let addresses = ["127.0.0.2"];
    const url = at(String(before.port));
    const resolve = () => Promise.resolve(addresses);
    const exchange = exchangeTo(url, { resolve, resolveMs: 10, idleMsMax: 60_000 });
    const call = () => exchange({ url, timeoutMs: 5_000 });
    await Promise.all([call(), call()]);
    before.hold();
    const busy = call();
    await until("it is under way", () => before.calls() === 3);
    addresses = ["127.0.0.3"];
    await until("the idle one is closed", () => before.sockets.size === 1);
    before.release();
    expect((await busy).status).toBe(200);
    await until("the busy one is closed", () => before.sockets.size === 0);
    await Promise.all([call(), call()]);
    expect([before.calls(), after.calls()]).toEqual([3, 2]);
  });

  test("that cannot be resolved for a while keeps its connections, and makes no new one", async () => {
    using server = serveAt("127.0.0.2", 0);
    let isLost = false;
    let lookups = 0;
    const resolve = () => {
      lookups++;
      const lost = Object.assign(new Error("lost"), { code: "EAI_AGAIN" });
      return isLost ? Promise.reject(lost) : Promise.resolve(["127.0.0.2"]);
    };
    const url = at(String(server.port));
    const exchange = exchangeTo(url, { resolve, resolveMs: 10, idleMsMax: 60_000 });
    const call = () => exchange({ url, timeoutMs: 5_000 });
    await call();
    isLost = true;
    const seen = lookups;
    await until("it was not found", () => lookups > seen + 2);
    const second = exchange({ url, timeoutMs: 5_000 });
    const third = call().catch((error: unknown) => error);
    expect((await second).status).toBe(200);
    expect(await third).toMatchObject({ code: "EAI_AGAIN", neverLeft: true });
  });

  test("is not asked for while there are no connections", async () => {
    let lookups = 0;
    const resolve = () => Promise.resolve([`127.0.0.${++lookups}`]);
    exchangeTo(at("1"), { resolve, resolveMs: 1 });
    await Bun.sleep(20);
    expect(lookups).toBe(0);
  });

  test("of several addresses is called at the first that answers, and there again", async () => {
    using server = serveAt("127.0.0.3", 0);
    const url = at(String(server.port));
    const resolve = () => Promise.resolve(["127.0.0.2", "::1", "127.0.0.3"]);
    const exchange = exchangeTo(url, { resolve });
    const call = () => exchange({ url, timeoutMs: 5_000 });
    expect((await call()).status).toBe(200);
    using late = serveAt("127.0.0.2", server.port);
    await Promise.all([call(), call(), call()]);
    expect([server.calls(), late.calls()]).toEqual([4, 0]);
  });

  test("none of whose addresses answers is refused, in the time for connecting", async () => {
    using server = serveAt("127.0.0.3", 0);
    const url = at(String(server.port));
    const resolve = () => Promise.resolve(["127.0.0.2", "127.0.0.4"]);
    const refused = exchangeTo(url, { resolve })({ url, timeoutMs: 5_000 });
    expect(await refused.catch((error: unknown) => error)).toMatchObject({
      code: "ECONNREFUSED",
      neverLeft: true,
    });
    const never = exchangeTo(url, { resolve: () => new Promise(() => {}) })({ url, timeoutMs: 50 });
    expect(await never.catch((error: unknown) => error)).toMatchObject({
      code: "ETIMEDOUT",
      neverLeft: true,
    });
  });
});
