/**
 * Helpers that the tests of the link share: ids, frames sealed by hand, and the worlds in which the
 * contract suite runs both drivers.
 */
import { seededRandom } from "../../testing/random.ts";
import { until } from "../../testing/until.ts";
import { createLog } from "../log.ts";
import type { Payment } from "../payment.ts";
import type { Link, Verdict } from "../verdict.ts";
import { LinkClientCore } from "./client.ts";
import { linkKeys } from "./frame.ts";
import { MemoryNetwork, type NetworkFaults } from "./memory.ts";
import { LinkServerCore, type Arrival } from "./server.ts";
import { openUdpClient, openUdpServer, type UdpServer } from "./udp.ts";

/** The nth id of a series in which all differ. */
export function uuid(n: number): string {
  return `4a7901b8-7d26-4d9d-aa19-${n.toString(16).padStart(12, "0")}`;
}

export function payment(n: number, amountCents: number = 1990): Payment {
  return { correlationId: uuid(n), amountCents };
}

/** Seals any payload as a frame with a valid MAC. */
export function sealByHand(
  key: Buffer,
  payload: Uint8Array,
  { version = 1, kind = 1, instance = 7, incarnation = 3, sequence = 9 } = {},
): Buffer {
  const head = Buffer.alloc(16);
  head[0] = version;
  head[1] = kind;
  head.writeUIntBE(instance, 2, 6);
  head.writeUInt32BE(incarnation, 8);
  head.writeUInt32BE(sequence, 12);
  const signed = Buffer.concat([head, payload]);
  const mac = new Bun.CryptoHasher("sha256", key).update(signed).digest();
  return Buffer.concat([signed, mac.subarray(0, 16)]);
}

export type Asked = { readonly payment: Payment; readonly answer: (verdict: Verdict) => void };

/** The worker's end as the suite sees it: what came in, and how it is answered. */
export type Behind = {
  readonly asked: Asked[];
  /** Called for each payment; without a verdict it stays unanswered until the test answers. */
  verdict: (payment: Payment) => Verdict | null;
  /** The worker goes away; a later `start` begins another incarnation at the same address. */
  stop(): void;
  start(): Promise<void>;
  /** Frames that the worker took; probes may be counted. */
  readonly framesTaken: number;
};

export type World = AsyncDisposable & {
  readonly worker: Behind;
  client(): Promise<Link>;
  /** Lets time pass until the condition holds; throws when it does not within reason. */
  until(condition: () => boolean): Promise<void>;
  /** Lets so much time pass for the clients. */
  pass(ms: number): Promise<void>;
};

export const ACK_TIMEOUT_MS = 1_000;
const SILENT = createLog("test", "silent");
const KEYS = linkKeys("a secret");

abstract class Worker {
  readonly asked: Asked[] = [];
  verdict: (payment: Payment) => Verdict | null = () => ({ kind: "stored" });
  #incarnations = 0;

  /** Incarnations have no order. */
  protected nextIncarnation(): number {
    return Math.imul(++this.#incarnations, 0x9e37_79b1) >>> 0;
  }

  protected take(asked: Payment, answer: (verdict: Verdict) => void): void {
    this.asked.push({ payment: asked, answer });
    const verdict = this.verdict(asked);
    if (verdict !== null) answer(verdict);
  }
}

/** Both cores over a network in memory; time is virtual and moves in steps of a millisecond. */
export class MemoryWorld implements World {
  nowMs = 1_000_000;
  readonly network: MemoryNetwork;
  readonly worker: MemoryWorker;
  readonly clients: LinkClientCore[] = [];
  /** Sees every frame that a client sends. */
  onFrame: (client: number, frame: Buffer) => void = () => {};
  readonly #random: () => number;

  constructor(random: () => number = seededRandom(1), faults?: NetworkFaults) {
    this.#random = random;
    this.network = new MemoryNetwork(random, faults);
    this.worker = new MemoryWorker(this);
  }

  async client(): Promise<Link> {
    const number = this.clients.length;
    const core: LinkClientCore = new LinkClientCore({
      keyring: [KEYS],
      instance: 100 + number,
      ackTimeoutMs: ACK_TIMEOUT_MS,
      random: this.#random,
      transmit: (frame) => {
        this.onFrame(number, frame);
        this.network.send(this.nowMs, () => this.worker.receive(frame, core));
      },
    });
    this.clients.push(core);
    const now = () => this.nowMs;
    return {
      instance: 0,
      get answering() {
        return core.answering(now());
      },
      get traffic() {
        return core.traffic;
      },
      pay: (asked) =>
        new Promise((resolve) => {
          core.pay(now(), asked, resolve);
        }),
      close: () => core.close(),
    };
  }

  /** Runs one turn of everybody's event loop, one millisecond long. */
  step(): void {
    for (const core of this.clients) core.flush(this.nowMs);
    this.network.tick(this.nowMs);
    this.worker.flush();
    for (const core of this.clients) core.tick(this.nowMs);
    this.nowMs++;
  }

  async until(condition: () => boolean): Promise<void> {
    for (let steps = 0; !condition(); steps++) {
      if (steps > 60_000) throw new Error("nothing came of it within a minute");
      this.step();
      await Promise.resolve();
    }
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    await this.until(() => this.nowMs >= endMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const core of this.clients) core.close();
  }
}

class MemoryWorker extends Worker implements Behind {
  readonly #world: MemoryWorld;
  #core: LinkServerCore<LinkClientCore> | null = null;
  #framesTaken = 0;

  constructor(world: MemoryWorld) {
    super();
    this.#world = world;
    void this.start();
  }

  get framesTaken(): number {
    return this.#framesTaken;
  }

  async start(): Promise<void> {
    const core: LinkServerCore<LinkClientCore> = new LinkServerCore<LinkClientCore>({
      keyring: [KEYS],
      incarnation: this.nextIncarnation(),
      transmit: (frame, peer) =>
        this.#world.network.send(this.#world.nowMs, () => peer.receive(this.#world.nowMs, frame)),
      onArrivals: (arrivals: Arrival<LinkClientCore>[]) => {
        this.#framesTaken++;
        for (const arrival of arrivals) {
          this.take(arrival.payment, (verdict) => core.answer(arrival, verdict));
        }
      },
    });
    this.#core = core;
  }

  stop(): void {
    this.#core = null;
  }

  receive(frame: Buffer, peer: LinkClientCore): void {
    this.#core?.receive(frame, peer);
  }

  flush(): void {
    this.#core?.flush();
  }
}

/** Both drivers over the kernel's sockets on loopback; time is the real one, and can be moved on. */
export class UdpWorld implements World {
  readonly worker: UdpWorker;
  #aheadMs = 0;
  readonly #clock = {
    wallMs: () => Date.now(),
    steadyMs: () => performance.now() + this.#aheadMs,
  };
  readonly #clients: Link[] = [];

  private constructor(worker: UdpWorker) {
    this.worker = worker;
  }

  static async open(): Promise<UdpWorld> {
    const worker = new UdpWorker();
    await worker.start();
    return new UdpWorld(worker);
  }

  async client(): Promise<Link> {
    const settings = {
      WORKER_LINK: { host: "127.0.0.1", port: this.worker.port },
      LINK_SECRET: ["a secret"] as const,
      ACK_TIMEOUT_MS,
    };
    const client = await openUdpClient(settings, this.#clock, SILENT);
    this.#clients.push(client);
    return client;
  }

  async until(condition: () => boolean): Promise<void> {
    await until("something comes of it", condition);
  }

  async pass(ms: number): Promise<void> {
    this.#aheadMs += ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    this.worker.stop();
  }
}

class UdpWorker extends Worker implements Behind {
  port = 0;
  #server: UdpServer | null = null;

  /** Probes are counted, too: they cannot be told apart from here. */
  get framesTaken(): number {
    return this.#server?.stats.framesReceived ?? 0;
  }

  async start(): Promise<void> {
    const settings = {
      LINK_HOST: "127.0.0.1",
      LINK_PORT: this.port,
      LINK_SECRET: ["a secret"] as const,
    };
    const server = await openUdpServer(settings, SILENT, (asked, answer) =>
      this.take(asked, answer),
    );
    this.#server = server;
    this.port = server.port;
  }

  stop(): void {
    this.#server?.close();
    this.#server = null;
  }
}
