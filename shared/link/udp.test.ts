/** Tests what only the kernel's sockets do. The contract itself is link.test.ts. */
import { describe, expect, spyOn, test } from "bun:test";
import { run } from "../../testing/process.ts";
import { until } from "../../testing/until.ts";
import { systemClock } from "../clock.ts";
import { RECEIVE_BUFFER_BYTES } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Verdict } from "../verdict.ts";
import { linkKeys, encodePay } from "./frame.ts";
import { payment } from "./link.fixture.ts";
import { droppedInTables, kernelDrops, raiseReceiveBuffer } from "./receive-buffer.ts";
import type { Link } from "../verdict.ts";
import type { Resolve } from "../net/names.ts";
import { openUdpClient, openUdpServer, type UdpServer } from "./udp.ts";

const LOCAL = { LINK_HOST: "127.0.0.1", LINK_PORT: 0, LINK_SECRET: null };

/** A log whose lines are kept. */
function keepLog() {
  const lines: {
    level: "info" | "warn" | "error";
    fields: Record<string, unknown>;
    message: string;
  }[] = [];
  const keep =
    (level: "info" | "warn" | "error") =>
    (first: Record<string, unknown> | string, second?: string) =>
      typeof first === "string"
        ? lines.push({ level, fields: {}, message: first })
        : lines.push({ level, fields: first, message: second ?? "" });
  const log = { info: keep("info"), warn: keep("warn"), error: keep("error") } as unknown as Log;
  return { log, lines };
}

type Opened = Promise<{ readonly closed: boolean }>;
type Answering = (verdict: Verdict) => void;

async function serve(settings: Partial<typeof LOCAL> = {}, answer = true) {
  const held: Answering[] = [];
  const { log, lines } = keepLog();
  const server = await openUdpServer({ ...LOCAL, ...settings }, log, (_, done) => {
    if (answer) done({ kind: "stored" });
    else held.push(done);
  });
  return closing(server, { held, lines });
}

async function connect(host: string, port: number, resolve?: Resolve) {
  const { log, lines } = keepLog();
  const settings = { WORKER_LINK: { host, port }, LINK_SECRET: null, ACK_TIMEOUT_MS: 10_000 };
  const client = await openUdpClient(settings, systemClock, log, resolve);
  return closing(client, { lines });
}

function closing<T extends UdpServer | Link, More>(opened: T, more: More) {
  let isOpen = true;
  const close = () => {
    if (isOpen) opened.close();
    isOpen = false;
  };
  return { opened, ...more, close, [Symbol.dispose]: close };
}

/** Finds a port at which nobody listens. */
async function vacantPort(): Promise<number> {
  using server = await serve();
  return server.opened.port;
}

describe("the receive buffer", () => {
  test("is asked for, read back, and complained about when it is small", async () => {
    using server = await serve();
    const max = Number(await Bun.file("/proc/sys/net/core/rmem_max").text());
    const granted = Math.min(RECEIVE_BUFFER_BYTES, max);
    expect(server.opened.receiveBufferBytes).toBe(granted);
    const warned = server.lines.filter(({ message }) => message.includes("receive buffer"));
    expect(warned).toHaveLength(granted < RECEIVE_BUFFER_BYTES ? 1 : 0);
    for (const { fields } of warned) expect(String(fields["hint"])).toContain("rmem_max");
  });

  test("of something that is no socket is unknown", () => {
    expect(raiseReceiveBuffer(-1, 4_096)).toBeNull();
  });

  test("that runs over is seen in the kernel's count of drops", async () => {
    // This is a plain socket: the link's own buffer would take too long to fill.
    const plain = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0, socket: {} });
    const sender = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0, socket: {} });
    const { fd, port } = plain as unknown as { readonly fd: number; readonly port: number };
    const bound = { fd, port };
    try {
      expect(await kernelDrops(bound)).toBe(0);
      // They are sent in one turn, so that nobody reads while they come.
      const datagram = Buffer.alloc(1_200);
      for (let n = 0; n < 4_000; n++) sender.send(datagram, plain.port, "127.0.0.1");
      const dropped = await kernelDrops(bound);
      expect(dropped).toBeGreaterThan(0);
      expect(await droppedInTables(plain.port)).toBe(dropped);
    } finally {
      plain.close();
      sender.close();
    }
    expect(await kernelDrops({ ...bound, fd: -1 })).toBeNull();
  });

  test("of the link's server starts without drops", async () => {
    using server = await serve();
    expect(await server.opened.kernelDrops()).toBe(0);
  });
});

test("frames of somebody with another secret are dropped, and counted by where they come from", async () => {
  using server = await serve();
  const { opened } = server;
  const sender = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0, socket: {} });
  const forged = encodePay(
    linkKeys("another").pay,
    { instance: 1, incarnation: 0, sequence: 1 },
    [],
  );
  sender.send(forged, opened.port, "127.0.0.1");
  sender.send(forged, opened.port, "127.0.0.1");
  await until("both are dropped", () => opened.stats.drops.mac === 2);
  expect([...opened.forged]).toEqual([["127.0.0.1", { frames: 2, lastAtMs: expect.any(Number) }]]);
  expect(opened.strangers()).toEqual([{ address: "127.0.0.1", instance: 1 }]);
  sender.close();
});

test("a client that is closed leaves no socket behind", async () => {
  using server = await serve();
  const opening = spyOn(Bun, "udpSocket");
  using client = await connect("127.0.0.1", server.opened.port);
  const sockets = await Promise.all(opening.mock.results.map(({ value }) => value as Opened));
  opening.mockRestore();
  expect(sockets.map(({ closed }) => closed)).toEqual([false]);
  client.close();
  expect(sockets.map(({ closed }) => closed)).toEqual([true]);
});

describe("a port that nobody listens at", () => {
  test("costs the client its verdicts and nothing else", async () => {
    const port = await vacantPort();
    using client = await connect("127.0.0.1", port);
    const waiting = client.opened.pay(payment(1));
    // The frame and its repeats meet ICMP errors; then the worker comes up there.
    await until("it is sent again", () => client.opened.traffic.retransmissions >= 2);
    using server = await serve({ LINK_PORT: port });
    expect(await waiting).toEqual({ kind: "stored" });
    expect(server.opened.port).toBe(port);
  });

  test("does not keep the worker from answering others", async () => {
    using server = await serve({}, false);
    const { opened: gone, close } = await connect("127.0.0.1", server.opened.port);
    const unanswered = gone.pay(payment(1));
    await until("it is held", () => server.held.length === 1);
    close();
    expect(await unanswered).toBeNull();
    using client = await connect("127.0.0.1", server.opened.port);
    const paying = client.opened.pay(payment(2));
    await until("the other one is held", () => server.held.length === 2);
    // Both answers leave in one turn: the first verdict's datagram is refused, which may cost the
    // second one too; then its frame comes again and is answered again.
    let answered = 0;
    const answerAll = () => {
      for (const answer of server.held.slice(answered)) answer({ kind: "stored" });
      answered = server.held.length;
    };
    let verdict: Verdict | null = null;
    void paying.then((given) => {
      verdict = given;
    });
    await until("it is answered", () => {
      answerAll();
      return verdict !== null;
    });
    expect(await paying).toEqual({ kind: "stored" });
  });
});

describe("the worker's name", () => {
  test("is resolved", async () => {
    using server = await serve();
    using client = await connect("localhost", server.opened.port);
    expect(await client.opened.pay(payment(1))).toEqual({ kind: "stored" });
  });

  test("that means nothing at first, and then an address of the other family, is followed", async () => {
    let addresses: string[] = [];
    using server = await serve({ LINK_HOST: "::1" });
    const resolve = () => Promise.resolve(addresses);
    using client = await connect("worker", server.opened.port, resolve);
    expect(client.lines.some(({ message }) => message.includes("does not resolve"))).toBe(true);
    const paying = client.opened.pay(payment(1));
    addresses = ["::1"];
    expect(await paying).toEqual({ kind: "stored" });
  });

  test("that moves is followed, though somebody still answers where it was", async () => {
    using before = await serve({}, false);
    using after = await serve({ LINK_HOST: "127.0.0.2", LINK_PORT: before.opened.port });
    let addresses = ["127.0.0.1"];
    const resolve = () => Promise.resolve(addresses);
    using client = await connect("worker", before.opened.port, resolve);
    const paying = client.opened.pay(payment(1));
    await until("the worker is heard", () => before.held.length === 1 && client.opened.answering);
    addresses = ["127.0.0.2"];
    expect(await paying).toEqual({ kind: "stored" });
    expect(after.opened.stats.framesReceived).toBeGreaterThan(0);
  });

  test("that moves to a public address gets nothing more, and that is said once", async () => {
    using server = await serve({}, false);
    let addresses = ["127.0.0.1"];
    let lookups = 0;
    const resolve = () => Promise.resolve((lookups++, addresses));
    using client = await connect("worker", server.opened.port, resolve);
    await until("the worker is heard", () => client.opened.answering);
    addresses = ["192.0.2.1"];
    const seen = lookups;
    await until("it is looked up again", () => lookups >= seen + 2);
    const { framesReceived } = server.opened.stats;
    await until("it is looked up once more", () => lookups >= seen + 3);
    expect(server.opened.stats.framesReceived).toBe(framesReceived);
    expect(client.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });
});

describe("without a secret", () => {
  test("the link is not bound beyond the private network", async () => {
    const opening = serve({ LINK_HOST: "0.0.0.0" });
    await expect(opening).rejects.toThrow(
      "LINK_SECRET must be set: LINK_HOST 0.0.0.0 is not on a private network",
    );
    await expect(serve({ LINK_HOST: "::" })).rejects.toThrow("LINK_SECRET must be set");
  });

  test("nothing is sent to a public address", async () => {
    await expect(connect("192.0.2.1", 9_996)).rejects.toThrow(
      "LINK_SECRET must be set: WORKER_LINK 192.0.2.1 is not on a private network",
    );
  });
});

test("with a secret every address will do", async () => {
  const settings = {
    LINK_HOST: "0.0.0.0",
    LINK_PORT: 0,
    LINK_SECRET: ["a secret of some length"] as const,
  };
  const { log } = keepLog();
  using server = closing(await openUdpServer(settings, log, () => {}), {});
  await expect(server.opened.port).toBeGreaterThan(0);
});

test("an address that cannot be bound is one sentence", async () => {
  await expect(serve({ LINK_HOST: "no..name" })).rejects.toThrow(
    "LINK_HOST: no..name does not resolve",
  );
  using server = await serve();
  await expect(serve({ LINK_PORT: server.opened.port })).rejects.toThrow(
    /^LINK_PORT: cannot listen at 127\.0\.0\.1:\d+: something else listens there$/,
  );
  await expect(serve({ LINK_HOST: "127.0.0.1.0.1" })).rejects.toThrow("LINK_HOST: ");
});

test("strangers' datagrams are counted and not answered", async () => {
  using server = await serve();
  let heard = 0;
  const stranger = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: () => void heard++ },
  });
  const forged = encodePay(linkKeys("wrong").pay, { instance: 1, incarnation: 0, sequence: 1 }, []);
  const { stats, port } = server.opened;
  stranger.send(forged, port, "127.0.0.1");
  stranger.send(Buffer.from("hello"), port, "127.0.0.1");
  await until("both are dropped", () => stats.drops.mac === 1 && stats.drops.length === 1);
  using client = await connect("127.0.0.1", port);
  expect(await client.opened.pay(payment(1))).toEqual({ kind: "stored" });
  stranger.close();
  expect(heard).toBe(0);
});

test("an exception in what takes a payment ends the process with it, an ICMP error does not", async () => {
  const { code, err } = await run([process.execPath, ENTRY]);
  expect(err).toContain("a broken invariant");
  expect(code).toBe(1);
});
const ENTRY = new URL("./broken.fixture.ts", import.meta.url).pathname;
