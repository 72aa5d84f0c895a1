/** Tests what HAProxy, by the configuration that is handed out, sends to the servers behind it. */
import { expect, test } from "bun:test";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { startHaproxy, WHY_NO_HAPROXY } from "../../testing/haproxy.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
type State = { waiting: boolean };

/** Answers each request a while later, and counts those that came on a connection that still waits. */
function startSlow() {
  const seen = { requests: 0, pipelined: 0 };
  const server = Bun.listen<State>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { waiting: false };
      },
      data(socket, bytes) {
        const requests = bytes.toString("latin1").match(/^(GET|POST) /gm)?.length ?? 0;
        seen.requests += requests;
        if (socket.data.waiting || requests > 1) seen.pipelined += 1;
        socket.data.waiting = true;
        setTimeout(() => {
          socket.data.waiting = false;
          socket.write(ANSWER.repeat(requests));
        }, 10);
      },
    },
  });
  return { seen, port: server.port, [Symbol.dispose]: () => server.stop(true) };
}

test.skipIf(WHY_NO_HAPROXY !== null)(
  "requests that a client pipelines reach a server one after the other",
  async () => {
    using slow = startSlow();
    using directory = temporaryDirectory();
    const ports = { PORT: slow.port, HTTP_PORT: slow.port };
    await using balancer = await startHaproxy({ ports, dataDir: directory.path });
    const answered = Promise.withResolvers<void>();
    let text = "";
    const client = await Bun.connect({
      hostname: "127.0.0.1",
      port: Number(new URL(balancer.url).port),
      socket: {
        data(_, bytes) {
          text += bytes.toString("latin1");
          if (text.match(/^HTTP\/1\.1 200/gm)?.length === 20) answered.resolve();
        },
      },
    });
    const post = "POST /payments HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n{}";
    const get = "GET /payments-summary HTTP/1.1\r\nHost: shop\r\n\r\n";
    client.write((post + get).repeat(10));
    await answered.promise;
    client.end();
    expect(slow.seen.requests).toBeGreaterThanOrEqual(20);
    expect(slow.seen.pipelined).toBe(0);
  },
  20_000,
);
