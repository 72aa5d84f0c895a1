/**
 * The link's cores over the kernel's UDP sockets. A send may throw for an earlier datagram's ICMP
 * error and may vanish while it returns true: either is loss, and the cores' timers see to it.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock } from "../clock.ts";
import { RECEIVE_BUFFER_BYTES } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Payment } from "../payment.ts";
import type { Link, Verdict } from "../verdict.ts";
import { LinkClientCore } from "./client.ts";
import { linkKeys } from "./frame.ts";
import { kernelDrops, raiseReceiveBuffer } from "./receive-buffer.ts";
import { whySecretWontDo } from "./reach.ts";
import { LinkServerCore, type Arrival, type LinkServerStats } from "./server.ts";

const RESOLVE_AGAIN_MS = 1_000;

export type UdpPeer = { readonly address: string; readonly port: number };
type Socket = { send(data: Buffer, port: number, address: string): boolean; close(): void };

export type UdpClientSettings = {
  readonly WORKER_LINK: { readonly host: string; readonly port: number };
  readonly LINK_SECRET: string | null;
  readonly ACK_TIMEOUT_MS: number;
};

/** Rejects with one sentence when the worker's address is public and there is no secret. */
export async function openUdpClient(
  settings: UdpClientSettings,
  clock: Clock,
  log: Log,
): Promise<Link> {
  const target = new Target(settings, log);
  await target.resolve();
  const core = new LinkClientCore({
    keys: linkKeys(settings.LINK_SECRET),
    instance: randomInstance(),
    ackTimeoutMs: settings.ACK_TIMEOUT_MS,
    random: Math.random,
    transmit: (frame) => sendOrLose(socket, frame, target.peer),
  });
  // One timer, at the next instant at which there is something to do: a repetition comes no later than
  // it should, and an API without payments wakes up once a second.
  let timer: Timer | null = null;
  let timerAtMs = Number.POSITIVE_INFINITY;
  const wakeInTime = (nowMs: number) => {
    const atMs = core.nextTickAtMs;
    if (atMs >= timerAtMs) return;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(tick, Math.max(1, Math.ceil(atMs - nowMs)));
    timerAtMs = atMs;
  };
  const tick = () => {
    timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.steadyMs();
    core.tick(nowMs);
    if (!core.answering(nowMs)) target.resolveAgain(nowMs);
    wakeInTime(nowMs);
  };

  const socket = await openSocket(wildcardFor(target.peer?.address), 0, (bytes) => {
    const nowMs = clock.steadyMs();
    core.receive(nowMs, bytes);
    wakeInTime(nowMs);
  });
  warnOfSmallBuffer(socket, log);

  tick();

  let flushing = false;
  const flush = () => {
    flushing = false;
    const nowMs = clock.steadyMs();
    core.flush(nowMs);
    wakeInTime(nowMs);
  };

  return {
    get traffic() {
      return core.traffic;
    },
    get answering() {
      return core.answering(clock.steadyMs());
    },
    pay(payment) {
      return new Promise<Verdict | null>((done) => {
        core.pay(clock.steadyMs(), payment, done);
        if (flushing) return;
        flushing = true;
        setImmediate(flush);
      });
    },
    close() {
      if (timer !== null) clearTimeout(timer);
      core.close();
      socket.close();
    },
  };
}

export type UdpServerSettings = {
  readonly LINK_HOST: string;
  readonly LINK_PORT: number;
  readonly LINK_SECRET: string | null;
};

export type UdpServer = {
  readonly port: number;
  readonly receiveBufferBytes: number | null;
  readonly stats: LinkServerStats;
  kernelDrops(): Promise<number | null>;
  close(): void;
};

/**
 * Calls `onPayment` for every payment that comes in; `answer` is to be called once with its verdict,
 * which is sent together with those that are given at the same time. Rejects with one sentence when the
 * address cannot be bound, or is public and there is no secret.
 */
export async function openUdpServer(
  { LINK_HOST, LINK_PORT, LINK_SECRET }: UdpServerSettings,
  log: Log,
  onPayment: (payment: Payment, answer: (verdict: Verdict) => void) => void,
): Promise<UdpServer> {
  const address = await resolveHost(LINK_HOST);
  if (address === null) throw new Error(`LINK_HOST: ${LINK_HOST} does not resolve`);
  const wontDo = whySecretWontDo(LINK_SECRET, address, `LINK_HOST ${LINK_HOST}`);
  if (wontDo !== null) throw new Error(wontDo);
  let flushing = false;
  const flush = () => {
    flushing = false;
    core.flush();
  };
  const answer = (arrival: Arrival<UdpPeer>, verdict: Verdict) => {
    core.answer(arrival, verdict);
    if (flushing) return;
    flushing = true;
    queueMicrotask(flush);
  };
  const core = new LinkServerCore<UdpPeer>({
    keys: linkKeys(LINK_SECRET),
    incarnation: randomIncarnation(),
    transmit: (frame, peer) => sendOrLose(socket, frame, peer),
    onArrivals: (arrivals) => {
      for (const arrival of arrivals) {
        onPayment(arrival.payment, (verdict) => answer(arrival, verdict));
      }
    },
  });
  const socket = await openSocket(address, LINK_PORT, (bytes, peer) =>
    core.receive(bytes, peer),
  ).catch((error: Error) => {
    throw new Error(`LINK_PORT: cannot bind ${LINK_HOST}:${LINK_PORT} (UDP): ${error.message}`);
  });
  const receiveBufferBytes = warnOfSmallBuffer(socket, log);
  return {
    port: socket.port,
    receiveBufferBytes,
    stats: core.stats,
    kernelDrops: () => kernelDrops(socket.port),
    close: () => socket.close(),
  };
}

/** Where the worker is: a name may come to mean another address while we run. */
class Target {
  peer: UdpPeer | null = null;
  readonly #settings: UdpClientSettings;
  readonly #log: Log;
  #resolvedAtMs = Number.NEGATIVE_INFINITY;

  constructor(settings: UdpClientSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  async resolve(): Promise<void> {
    const { host, port } = this.#settings.WORKER_LINK;
    const address = await resolveHost(host);
    if (address === null) {
      this.#log.warn(`WORKER_LINK: ${host} does not resolve yet`);
      return;
    }
    const wontDo = whySecretWontDo(this.#settings.LINK_SECRET, address, `WORKER_LINK ${host}`);
    if (wontDo !== null) throw new Error(wontDo);
    this.peer = { address, port };
  }

  resolveAgain(nowMs: number): void {
    const isName = isIP(this.#settings.WORKER_LINK.host) === 0;
    if (!isName || nowMs - this.#resolvedAtMs < RESOLVE_AGAIN_MS) return;
    this.#resolvedAtMs = nowMs;
    this.resolve().catch((error: Error) => {
      // The name moved to a public address and there is no secret: nothing is sent there.
      this.peer = null;
      this.#log.error(error.message);
    });
  }
}

async function resolveHost(host: string): Promise<string | null> {
  if (isIP(host) !== 0) return host;
  try {
    const found = await lookup(host, { all: true });
    return (found.find(({ family }) => family === 4) ?? found[0])?.address ?? null;
  } catch {
    return null; // Not there yet; asked again while the worker does not answer.
  }
}

type OpenSocket = Socket & { readonly port: number; readonly fd: number };

async function openSocket(
  hostname: string,
  port: number,
  onData: (bytes: Buffer, peer: UdpPeer) => void,
): Promise<OpenSocket> {
  const socket = await Bun.udpSocket({
    hostname,
    port,
    binaryType: "buffer",
    socket: {
      data: (_socket, bytes, peerPort, address) =>
        orEnd(() => onData(bytes, { address, port: peerPort })),
      // An ICMP error of an earlier datagram, and nothing else: what is thrown above never comes here.
      error: () => {},
    },
  });
  return socket as unknown as OpenSocket;
}

/** Bun hands what a handler throws to `error`; thrown in a turn of its own it ends the process. */
function orEnd(handle: () => void): void {
  try {
    handle();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}

function sendOrLose(socket: Socket, frame: Buffer, peer: UdpPeer | null): void {
  if (peer === null) return;
  try {
    socket.send(frame, peer.port, peer.address);
  } catch {
    // Loss like any other: the frame is sent again by its timer.
  }
}

function warnOfSmallBuffer(socket: OpenSocket, log: Log): number | null {
  const granted = raiseReceiveBuffer(socket.fd, RECEIVE_BUFFER_BYTES);
  if (granted === null || granted < RECEIVE_BUFFER_BYTES) {
    const hint = `sysctl -w net.core.rmem_max=${RECEIVE_BUFFER_BYTES}`;
    log.warn({ granted, wanted: RECEIVE_BUFFER_BYTES, hint }, "small UDP receive buffer");
  }
  return granted;
}

function wildcardFor(address: string | undefined): string {
  return address !== undefined && isIP(address) === 6 ? "::" : "0.0.0.0";
}

/** Above all that workers of before took from the clock: APIs of before believe the larger number. */
function randomIncarnation(): number {
  return 0x8000_0000 + ((crypto.getRandomValues(new Uint32Array(1))[0] as number) % 0x8000_0000);
}

function randomInstance(): number {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(6))).readUIntBE(0, 6);
}
