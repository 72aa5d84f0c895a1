/**
 * The link's cores over the kernel's UDP sockets. A send may throw for an earlier datagram's ICMP
 * error and may vanish while it returns true: either is loss, and the cores' timers see to it.
 */
import { isIP } from "node:net";
import { alarms } from "../alarms.ts";
import type { Clock } from "../clock.ts";
import { RECEIVE_BUFFER_BYTES } from "../limits.ts";
import type { Log } from "../log.ts";
import { whyNotBound } from "../net/bind.ts";
import { addressesOf, type Resolve } from "../net/names.ts";
import { Overdue } from "../net/overdue.ts";
import type { Payment } from "../payment.ts";
import type { Secrets } from "../settings.ts";
import type { Verdict, WorkerLink } from "../verdict.ts";
import { LinkClientCore } from "./client.ts";
import { keyringOf, TRIAL_INSTANCE } from "./frame.ts";
import { kernelDrops, raiseReceiveBuffer } from "./receive-buffer.ts";
import { whySecretWontDo } from "./reach.ts";
import { LinkServerCore, type Arrival, type LinkServerStats } from "./server.ts";
import { Strangers, type Stranger } from "./strangers.ts";
import { Target } from "./target.ts";

export type UdpPeer = { readonly address: string; readonly port: number };
type Socket = { send(data: Buffer, port: number, address: string): boolean; close(): void };

export type UdpClientSettings = {
  readonly WORKER_LINK: { readonly host: string; readonly port: number };
  readonly LINK_SECRET: Secrets | null;
  readonly ACK_TIMEOUT_MS: number;
};

/** Tries the secret, and is no API that the worker would miss. */
export function openTrialClient(
  settings: UdpClientSettings,
  clock: Clock,
  log: Log,
): Promise<WorkerLink> {
  return openUdpClient(settings, clock, log, addressesOf, TRIAL_INSTANCE);
}

/** Rejects with one sentence when the worker's address is public and there is no secret. */
export async function openUdpClient(
  settings: UdpClientSettings,
  clock: Clock,
  log: Log,
  resolve: Resolve = addressesOf,
  instance: number = randomInstance(),
): Promise<WorkerLink> {
  const { host, port } = settings.WORKER_LINK;
  const target = new Target(settings.LINK_SECRET);
  const sockets = new ClientSockets(log, (bytes, peer) => receive(bytes, peer));
  const core = new LinkClientCore({
    keyring: keyringOf(settings.LINK_SECRET),
    instance,
    ackTimeoutMs: settings.ACK_TIMEOUT_MS,
    random: Math.random,
    transmit: (frame) => sockets.send(frame, port, target.address),
  });
  const receive = (bytes: Buffer, peer: UdpPeer) => {
    const nowMs = clock.steadyMs();
    const { framesReceived } = core.stats;
    core.receive(nowMs, bytes);
    if (core.stats.framesReceived > framesReceived) target.heardFrom(nowMs, peer.address);
    wakeInTime(nowMs);
  };

  // The timer is set to the next instant at which there is something to do: a repetition comes no
  // later than it should, and an API without payments wakes up once a second.
  let timer: Overdue | null = null;
  let timerAtMs = Number.POSITIVE_INFINITY;
  const wakeInTime = (nowMs: number) => {
    const atMs = core.nextTickAtMs;
    if (atMs >= timerAtMs) return;
    timer?.cancel();
    timer = new Overdue(Math.max(1, Math.ceil(atMs - nowMs)), tick);
    timerAtMs = atMs;
  };
  const tick = () => {
    timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.steadyMs();
    core.tick(nowMs);
    if (isIP(host) === 0 && target.resolvesNow(nowMs)) void resolveAgain();
    wakeInTime(nowMs);
  };
  /** True while the worker answers. A pause of ours, in which nothing could be heard, changes nothing. */
  const answering = () => core.answering(Math.min(clock.steadyMs(), timerAtMs));

  const lookUp = async () => {
    const found = await resolve(host).catch(() => null); // Not there yet, or not now: asked again.
    const before = target.address;
    const isFine = found === null || target.resolved(clock.steadyMs(), found, answering());
    if (!isFine) throw new Error(whyUnsafe(found, settings));
    const { address } = target;
    if (address !== null) await sockets.openFor(address);
    if (before !== null && address !== before) log.info({ address }, `${host} has another address`);
    return address;
  };
  let isSaid = false;
  const resolveAgain = async () => {
    try {
      await lookUp();
      isSaid = false;
    } catch (error) {
      if (!isSaid) log.error((error as Error).message);
      isSaid = true;
    }
  };

  target.resolvesNow(clock.steadyMs());
  if ((await lookUp()) === null) log.warn(`WORKER_LINK: ${host} does not resolve yet`);
  tick();

  let flushing = false;
  const flush = () => {
    flushing = false;
    const nowMs = clock.steadyMs();
    core.flush(nowMs);
    wakeInTime(nowMs);
  };

  const hand: WorkerLink["hand"] = (payment, done) => {
    core.pay(clock.steadyMs(), payment, done);
    if (flushing) return;
    flushing = true;
    setImmediate(flush);
  };

  return {
    instance,
    get traffic() {
      return core.traffic;
    },
    get answering() {
      return answering();
    },
    hand,
    pay: (payment) => new Promise((done) => hand(payment, done)),
    close() {
      timer?.cancel();
      core.close();
      sockets.close();
    },
  };
}

/** A socket for each family of addresses, opened when the worker first has an address of it. */
class ClientSockets {
  readonly #log: Log;
  readonly #onData: (bytes: Buffer, peer: UdpPeer) => void;
  readonly #open = new Map<number, OpenSocket>();
  #closed = false;

  constructor(log: Log, onData: (bytes: Buffer, peer: UdpPeer) => void) {
    this.#log = log;
    this.#onData = onData;
  }

  async openFor(address: string): Promise<void> {
    const family = isIP(address);
    if (this.#open.has(family)) return;
    const socket = await openSocket(family === 6 ? "::" : "0.0.0.0", 0, this.#onData);
    if (this.#closed || this.#open.has(family)) return socket.close();
    warnOfSmallBuffer(socket, this.#log);
    this.#open.set(family, socket);
  }

  send(frame: Buffer, port: number, address: string | null): void {
    const socket = address === null ? undefined : this.#open.get(isIP(address));
    if (socket !== undefined && address !== null) sendOrLose(socket, frame, { address, port });
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#open.values()) socket.close();
  }
}

function whyUnsafe(
  [address = ""]: readonly string[],
  { LINK_SECRET, WORKER_LINK: { host } }: UdpClientSettings,
): string {
  return whySecretWontDo(LINK_SECRET, address, `WORKER_LINK ${host}`) ?? "";
}

export type UdpServerSettings = {
  readonly LINK_HOST: string;
  readonly LINK_PORT: number;
  readonly LINK_SECRET: Secrets | null;
};

export type UdpServer = {
  readonly port: number;
  readonly receiveBufferBytes: number | null;
  readonly stats: LinkServerStats;
  /** Frames with a wrong MAC, by where they come from. */
  readonly forged: Strangers["byAddress"];
  /** Senders, in the last seconds, of frames that were made with another secret. */
  strangers(): readonly Stranger[];
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
  const strangers = new Strangers();
  const core = new LinkServerCore<UdpPeer>({
    keyring: keyringOf(LINK_SECRET),
    incarnation: randomIncarnation(),
    transmit: (frame, peer) => sendOrLose(socket, frame, peer),
    onForged: (peer, instance) =>
      strangers.heard(performance.now(), { address: peer.address, instance }),
    onArrivals: (arrivals) => {
      for (const arrival of arrivals) {
        onPayment(arrival.payment, (verdict) => answer(arrival, verdict));
      }
    },
  });
  const socket = await openSocket(address, LINK_PORT, (bytes, peer) =>
    core.receive(bytes, peer),
  ).catch((error: Error) => {
    const names = { host: "LINK_HOST", port: "LINK_PORT" };
    const at = { settings: names, host: LINK_HOST, port: LINK_PORT };
    throw new Error(whyNotBound(at, error));
  });
  const receiveBufferBytes = warnOfSmallBuffer(socket, log);
  return {
    port: socket.port,
    receiveBufferBytes,
    stats: core.stats,
    forged: strangers.byAddress,
    strangers: () => strangers.recent(performance.now()),
    kernelDrops: () => kernelDrops(socket),
    close: () => socket.close(),
  };
}

async function resolveHost(host: string): Promise<string | null> {
  const found = await addressesOf(host).catch(() => []);
  return found.find((address) => isIP(address) === 4) ?? found[0] ?? null;
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
        orEnd(() => {
          onData(bytes, { address, port: peerPort });
          alarms.pass();
        }),
      // This is an ICMP error of an earlier datagram, and nothing else: what is thrown above never
      // comes here.
      error: () => {},
    },
  });
  return socket as unknown as OpenSocket;
}

/**
 * Ends the process when `handle` throws: Bun hands what a handler throws to `error`, but not what
 * is thrown in a turn of its own.
 */
function orEnd(handle: () => void): void {
  try {
    handle();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}

function sendOrLose(socket: Socket, frame: Buffer, peer: UdpPeer): void {
  try {
    socket.send(frame, peer.port, peer.address);
  } catch {
    // It is lost like any other: the frame is sent again by its timer.
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

/**
 * Draws a number above all that workers of earlier versions took from the clock: APIs of those
 * versions believe the larger number.
 */
function randomIncarnation(): number {
  return 0x8000_0000 + ((crypto.getRandomValues(new Uint32Array(1))[0] as number) % 0x8000_0000);
}

/** None is that of a trial. */
function randomInstance(): number {
  const drawn = Buffer.from(crypto.getRandomValues(new Uint8Array(6))).readUIntBE(0, 6);
  return drawn === TRIAL_INSTANCE ? TRIAL_INSTANCE + 1 : drawn;
}
