import { expect, spyOn, test } from "bun:test";
import type { Socket } from "bun";
import { until } from "../../testing/until.ts";
import { HttpConnection, type Outcome } from "./connection.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Starts a server that does what it is told when a request comes. */
function serve(answer: (socket: Socket, calls: number) => void) {
  let connections = 0;
  let calls = 0;
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: () => void connections++,
      data: (socket) => answer(socket, ++calls),
    },
  });
  return {
    endpoint: { hostname: "127.0.0.1", port: server.port },
    connections: () => connections,
    [Symbol.dispose]: () => server.stop(true),
  };
}

const call = (connection: HttpConnection) =>
  new Promise<Outcome>((done) => connection.call(REQUEST, done));

test("calls share a connection", async () => {
  using server = serve((socket) => socket.write(OK));
  const connection = new HttpConnection(server.endpoint, 5_000);
  for (let i = 0; i < 3; i++) {
    const outcome = await call(connection);
    if (outcome.kind !== "answer") throw new Error(outcome.reason);
    expect({ status: outcome.status, body: outcome.body.toString() }).toEqual({
      status: 200,
      body: "ok",
    });
    expect(outcome.ms).toBeGreaterThan(0);
  }
  expect(server.connections()).toBe(1);
  connection.close();
});

test("a request that is longer than what is taken at once arrives whole, as UTF-8", async () => {
  const text = "aé€𝄞".repeat(1_000_000);
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => new Response(String((await request.text()) === text)),
  });
  const head = `POST / HTTP/1.1\r\nHost: here\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`;
  const connection = new HttpConnection({ hostname: "127.0.0.1", port: server.port! }, 5_000);
  const outcome = await new Promise<Outcome>((done) => connection.call(head + text, done));
  if (outcome.kind !== "answer") throw new Error(outcome.reason);
  expect(outcome.body.toString()).toBe("true");
  connection.close();
});

test("a request that is answered before its end ends the connection, and the next one connects anew", async () => {
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        // It takes nothing of the first request, as one that refuses a long body.
        socket.pause();
        socket.write(OK);
      },
      data() {},
    },
  });
  const connection = new HttpConnection({ hostname: "127.0.0.1", port: server.port }, 5_000);
  const long = REQUEST + "a".repeat(32 * 1024 * 1024);
  const first = await new Promise<Outcome>((done) => connection.call(long, done));
  expect(first).toMatchObject({ kind: "answer", status: 200, keepsAlive: true });
  expect(connection.isOpen).toBe(false);
  expect(await call(connection)).toMatchObject({ kind: "answer", connected: true });
  connection.close();
});

test("a call without an answer in time fails, and the next one connects anew", async () => {
  using server = serve((socket, calls) => {
    if (calls > 1) socket.write(OK);
  });
  const connection = new HttpConnection(server.endpoint, 500);
  expect(await call(connection)).toMatchObject({ kind: "failure", reason: "timeout" });
  expect(await call(connection)).toMatchObject({ kind: "answer", status: 200 });
  expect(server.connections()).toBe(2);
  connection.close();
});

test.each([
  ["a connection that ends in mid-answer", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"],
  ["an answer that is none", "garbage\r\n\r\n"],
  ["two answers", OK + OK],
])("%s is a failure", async (_, bytes) => {
  using server = serve((socket) => void socket.end(bytes));
  const connection = new HttpConnection(server.endpoint, 5_000);
  expect(await call(connection)).toMatchObject({ kind: "failure", reason: "broken off" });
});

test("a server that closes after its answer is connected to again", async () => {
  using server = serve((socket) =>
    socket.write("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
  );
  const connection = new HttpConnection(server.endpoint, 5_000);
  for (let i = 0; i < 2; i++) expect(await call(connection)).toMatchObject({ status: 202 });
  expect(server.connections()).toBe(2);
});

test("nobody there is a failure", async () => {
  const { endpoint, ...server } = serve(() => {});
  server[Symbol.dispose]();
  expect(await call(new HttpConnection(endpoint, 5_000))).toEqual({
    kind: "failure",
    reason: "refused",
    code: "ECONNREFUSED",
  });
});

test("a connection that does not come about in time is refused: nothing has left", async () => {
  const connect = spyOn(Bun, "connect").mockReturnValue(new Promise(() => {}));
  try {
    const endpoint = { hostname: "127.0.0.1", port: 1 };
    expect(await call(new HttpConnection(endpoint, 20))).toEqual({
      kind: "failure",
      reason: "refused",
      code: "ETIMEDOUT",
    });
    expect(connect).toHaveBeenCalledTimes(1);
  } finally {
    connect.mockRestore();
  }
});

test("an answer may end with its connection", async () => {
  using server = serve((socket) => void socket.end("HTTP/1.0 200 OK\r\n\r\nall of it"));
  const connection = new HttpConnection(server.endpoint, 5_000);
  const outcome = await call(connection);
  if (outcome.kind !== "answer") throw new Error(outcome.reason);
  expect({ ...outcome, body: outcome.body.toString() }).toMatchObject({
    body: "all of it",
    complete: false,
  });
  expect(connection.isOpen).toBe(false);
});

test("an answer may come in any pieces", async () => {
  using server = serve(async (socket) => {
    for (const byte of OK) {
      socket.write(byte);
      socket.flush();
      await Bun.sleep(0);
    }
  });
  const connection = new HttpConnection(server.endpoint, 5_000);
  expect(await call(connection)).toMatchObject({ kind: "answer", status: 200 });
  expect(connection.isOpen).toBe(true);
  connection.close();
});

test("what comes unasked ends the connection, and is no answer to the next call", async () => {
  using server = serve((socket, calls) => {
    socket.write(OK);
    if (calls === 1) setTimeout(() => socket.write(OK), 20);
  });
  const connection = new HttpConnection(server.endpoint, 5_000);
  expect(await call(connection)).toMatchObject({ kind: "answer" });
  await until("the connection is ended", () => !connection.isOpen);
  expect(await call(connection)).toMatchObject({ kind: "answer" });
  expect(server.connections()).toBe(2);
  connection.close();
});
