import { expect, test } from "bun:test";
import type { Socket } from "bun";
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

test("a connection that the processor has closed is not used again", async () => {
  using server = serve((socket) => socket.write(OK));
  const exchange = exchangeTo(server.url);
  const call = () => exchange({ url: `${server.url}/payments/1`, timeoutMs: 5_000 });
  await call();
  for (const socket of server.sockets) socket.end();
  await Bun.sleep(50);
  expect((await call()).status).toBe(200);
  expect(server.connections()).toBe(2);
});

test("idle connections are closed before a processor would", async () => {
  using server = serve((socket) => socket.write(OK));
  const exchange = exchangeTo(server.url, 100);
  const call = () => exchange({ url: server.url, timeoutMs: 5_000 });
  await Promise.all([call(), call(), call()]);
  for (let waited = 0; server.sockets.size > 0 && waited < 100; waited++) await Bun.sleep(20);
  expect(server.sockets.size).toBe(0);
  expect((await call()).status).toBe(200);
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
  using silent = serve(() => {});
  const failure = (url: string) =>
    exchangeTo(url)({ url, timeoutMs: 60 }).catch((error: Error) => error);
  expect(await failure(silent.url)).toMatchObject({ name: "TimeoutError" });
  expect(await failure(silent.url)).not.toHaveProperty("neverLeft");
  const { url } = silent;
  silent[Symbol.dispose]();
  expect(await failure(url)).toMatchObject({ code: "ECONNREFUSED", neverLeft: true });
});
