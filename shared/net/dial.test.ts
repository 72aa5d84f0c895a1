import { expect, test } from "bun:test";
import { dial } from "./dial.ts";
import { Peer } from "./peer.ts";
import { silentAt } from "./silent.fixture.ts";

/** Listens, and never speaks first. */
function listenAt(hostname: string, port = 0) {
  const open = new Set<Bun.Socket>();
  const allClosed = Promise.withResolvers<void>();
  const closed = (socket: Bun.Socket) => {
    open.delete(socket);
    if (open.size === 0) allClosed.resolve();
  };
  const server = Bun.listen({
    hostname,
    port,
    socket: { open: (socket) => void open.add(socket), data() {}, close: closed, error: closed },
  });
  return {
    port: server.port,
    allClosed: allClosed.promise,
    [Symbol.dispose]: () => server.stop(true),
  };
}

const to = (port: number, addresses: string[], tls: { tls?: true } = {}) =>
  new Peer({ hostname: "peer.test", port, ...tls }, () => Promise.resolve(addresses));

test("an address that swallows packets costs a moment, and the one that answers is preferred", async () => {
  using server = listenAt("127.0.0.4");
  using _ = silentAt("127.0.0.2", server.port);
  const peer = to(server.port, ["127.0.0.2", "127.0.0.4"]);
  const dialled = await dial(peer, { data() {} }, null, 3_000);
  expect(dialled).toMatchObject({ kind: "connected", address: "127.0.0.4" });
  expect((await peer.addresses())[0]).toBe("127.0.0.4");
  if (dialled.kind === "connected") dialled.socket.terminate();
});

test("connections that are given up are closed", async () => {
  using one = listenAt("127.0.0.2");
  using other = listenAt("127.0.0.3", one.port);
  const peer = to(one.port, ["127.0.0.2", "127.0.0.3"], { tls: true });
  const dialled = await dial(peer, { data() {} }, null, 400);
  expect(dialled).toEqual({ kind: "refused", code: "ETIMEDOUT" });
  await Promise.all([one.allClosed, other.allClosed]);
});
