import { expect, test } from "bun:test";
import { seededRandom } from "./random.ts";
import { until } from "./until.ts";
import { Relay, ROUGH, SMOOTH, type Trouble } from "./relay.ts";

/**
 * Sends numbers one after the other to a worker that answers each, and waits until what it has heard and what
 * came back are such; gives both, in order.
 */
async function roundTrips(
  trouble: Trouble,
  count: number,
  areSuch: (...both: readonly [heard: number[], came: number[]]) => boolean,
) {
  await using worker = await echo();
  await using relay = await Relay.start(worker.peer, seededRandom(7));
  relay.trouble = trouble;
  const came: number[] = [];
  const client = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    binaryType: "buffer",
    socket: { data: (_socket, bytes) => void came.push(bytes.readUInt32LE()) },
  });
  for (let n = 0; n < count; n++) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(n);
    client.send(bytes, relay.port, "127.0.0.1");
    // Only a few are sent at a time: none is to be lost by a full buffer.
    if (n % 20 === 19) await Bun.sleep(1);
  }
  await until("both are such", () => areSuch(worker.heard, came));
  client.close();
  return { came, stats: relay.stats, sent: count, heard: worker.heard };
}

async function echo() {
  const heard: number[] = [];
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    binaryType: "buffer",
    socket: {
      data: (self, bytes, port, address) => {
        heard.push(bytes.readUInt32LE());
        self.send(bytes, port, address);
      },
    },
  });
  const peer = { address: "127.0.0.1", port: socket.port };
  return { peer, heard, [Symbol.asyncDispose]: async () => socket.close() };
}

test("a smooth relay carries everything in order, both ways", async () => {
  const areAll = (...both: number[][]) => both.every((numbers) => numbers.length >= 500);
  const { came, heard, sent } = await roundTrips(SMOOTH, 500, areAll);
  const all = Array.from({ length: sent }, (_, n) => n);
  expect(heard).toEqual(all);
  expect(came).toEqual(all);
});

test("a rough relay loses, repeats and reorders, both ways", async () => {
  const areRough = (...both: number[][]) =>
    both.every((numbers) => {
      const isRepeated = numbers.length > new Set(numbers).size;
      return isRepeated && numbers.some((number, i) => number < numbers[i - 1]!);
    });
  const { came, heard, stats, sent } = await roundTrips(ROUGH, 2_000, areRough);
  for (const count of Object.values(stats)) expect(count).toBeGreaterThan(0);
  for (const numbers of [heard, came]) expect(new Set(numbers).size).toBeLessThan(sent);
});

test("each client gets its own answers", async () => {
  await using worker = await echo();
  await using relay = await Relay.start(worker.peer, seededRandom(1));
  const got: number[][] = [[], []];
  const clients = await Promise.all(
    got.map((mine) =>
      Bun.udpSocket({
        hostname: "127.0.0.1",
        port: 0,
        binaryType: "buffer",
        socket: { data: (_socket, bytes) => void mine.push(bytes.readUInt32LE()) },
      }),
    ),
  );
  for (const [i, client] of clients.entries()) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(100 + i);
    client.send(bytes, relay.port, "127.0.0.1");
  }
  await until("both have their answer", () => got.every((mine) => mine.length > 0));
  expect(got).toEqual([[100], [101]]);
  for (const client of clients) client.close();
});
