import { expect, test } from "bun:test";
import { peerAt } from "../net/peer.ts";
import type { Outcome } from "./connection.ts";
import { ConnectionPool } from "./pool.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const REQUEST = "GET / HTTP/1.1\r\nHost: processor\r\n\r\n";

/** Alarms that go off when a test says so. */
class Bells {
  readonly set: (() => void)[] = [];

  at(_atMs: number, call: () => void): () => void {
    this.set.push(call);
    return () => {};
  }

  ring(): void {
    for (const call of this.set.splice(0)) call();
  }
}

/** Serves a processor that answers whatever it is asked, by a name. */
function processor() {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.write(OK) },
  });
  const peer = peerAt(`http://processor:${server.port}`, () => Promise.resolve(["127.0.0.1"]));
  return { peer, [Symbol.dispose]: () => server.stop(true) };
}

const called = (pool: ConnectionPool) =>
  new Promise<void>((resolve) => pool.call(REQUEST, 5_000, () => resolve()));

test("a pool that was never used sets no alarm", () => {
  using server = processor();
  const bells = new Bells();
  expect(new ConnectionPool(server.peer, { alarms: bells })).toBeDefined();
  expect(bells.set).toEqual([]);
});

test("nor does one whose connections were idle for too long and are closed", async () => {
  using server = processor();
  const bells = new Bells();
  const pool = new ConnectionPool(server.peer, { idleMsMax: 1, alarms: bells });
  await called(pool);
  // Both of them: a look for idle connections, and for the address of the name.
  expect(bells.set).toHaveLength(2);
  await Bun.sleep(5);
  bells.ring();
  await Bun.sleep(0);
  expect(bells.set).toEqual([]);
  await called(pool);
  expect(bells.set).toHaveLength(2);
});

test("while a connection is kept, both alarms are set again, once each however many calls there are", async () => {
  using server = processor();
  const bells = new Bells();
  const pool = new ConnectionPool(server.peer, { idleMsMax: 60_000, alarms: bells });
  for (let round = 0; round < 3; round++) {
    await Promise.all([called(pool), called(pool), called(pool)]);
    expect(bells.set).toHaveLength(2);
    bells.ring();
    await Bun.sleep(0);
    expect(bells.set).toHaveLength(2);
  }
});

const calledAlone = (pool: ConnectionPool) =>
  new Promise<Outcome>((resolve) => pool.call(REQUEST, 5_000, resolve, true));

test("a call that is the only one leaves neither connection nor alarm behind, also when it fails", async () => {
  using server = processor();
  const bells = new Bells();
  const pool = new ConnectionPool(server.peer, { idleMsMax: 60_000, alarms: bells });
  for (let n = 0; n < 2; n++) {
    expect(await calledAlone(pool)).toMatchObject({ kind: "answer", connected: true });
    expect(bells.set).toEqual([]);
  }
  const nobody = peerAt("http://processor:1", () => Promise.resolve(["127.0.0.1"]));
  const other = new ConnectionPool(nobody, { alarms: bells });
  expect(await calledAlone(other)).toMatchObject({ kind: "failure", reason: "refused" });
  expect(bells.set).toEqual([]);
});

test("where others keep a connection it takes that one, and leaves it open", async () => {
  using server = processor();
  const bells = new Bells();
  const pool = new ConnectionPool(server.peer, { idleMsMax: 60_000, alarms: bells });
  await called(pool);
  for (let n = 0; n < 2; n++) {
    expect(await calledAlone(pool)).toMatchObject({ kind: "answer", connected: false });
  }
  expect(bells.set).toHaveLength(2);
});
