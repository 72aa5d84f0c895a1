/**
 * A lossy network in one process: a UDP relay between the APIs and the worker. Both directions lose,
 * repeat and hold back datagrams, so that they also change their order. Each client gets a socket of
 * its own towards the worker, which so sees as many peers as there are.
 */
type Peer = { readonly address: string; readonly port: number };
type Datagram = { send(bytes: Buffer, port: number, address: string): boolean };
type Upstream = { readonly socket: Datagram & { close(): void }; heardAtMs: number };

export type Trouble = {
  /** Chances, each drawn for every datagram. */
  readonly lost: number;
  readonly repeated: number;
  readonly delayed: number;
  /** Chance of being held back for so long that processes have been started again meanwhile. */
  readonly stale: number;
};
export type RelayStats = Record<keyof Trouble | "passed", number>;

export const ROUGH: Trouble = { lost: 0.05, repeated: 0.03, delayed: 0.1, stale: 0.005 };
export const SMOOTH: Trouble = { lost: 0, repeated: 0, delayed: 0, stale: 0 };

const DELAY_MS_MAX = 60;
const STALE_MS = { min: 500, max: 4_000 };
/** An API that was killed leaves its socket behind. */
const IDLE_MS_MAX = 15_000;
const SWEEP_MS = 5_000;

export class Relay implements AsyncDisposable {
  readonly stats: RelayStats = { passed: 0, lost: 0, repeated: 0, delayed: 0, stale: 0 };
  trouble: Trouble = SMOOTH;
  /** Sees what the worker sends before it is carried on. */
  onDown: ((bytes: Buffer) => void) | null = null;
  readonly #worker: Peer;
  readonly #random: () => number;
  readonly #upstreams = new Map<string, Promise<Upstream>>();
  readonly #sweeper: Timer;
  #front: (Datagram & { readonly port: number; close(): void }) | null = null;
  #closed = false;

  private constructor(worker: Peer, random: () => number) {
    this.#worker = worker;
    this.#random = random;
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_MS);
  }

  static async start(worker: Peer, random: () => number): Promise<Relay> {
    const relay = new Relay(worker, random);
    relay.#front = await openSocket((bytes, client) => void relay.#up(bytes, client));
    return relay;
  }

  get port(): number {
    return this.#front!.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeper);
    this.#front?.close();
    for (const upstream of this.#upstreams.values()) (await upstream).socket.close();
  }

  async #up(bytes: Buffer, client: Peer): Promise<void> {
    const key = `${client.address} ${client.port}`;
    let opening = this.#upstreams.get(key);
    if (opening === undefined) {
      opening = this.#open(client);
      this.#upstreams.set(key, opening);
    }
    const upstream = await opening;
    upstream.heardAtMs = performance.now();
    this.#carry(() => sendOrLose(upstream.socket, bytes, this.#worker));
  }

  async #open(client: Peer): Promise<Upstream> {
    const socket = await openSocket((bytes) => {
      this.onDown?.(bytes);
      this.#carry(() => sendOrLose(this.#front!, bytes, client));
    });
    return { socket, heardAtMs: performance.now() };
  }

  #carry(send: () => void): void {
    const [loss, repetition] = [this.#random(), this.#random()];
    if (loss < this.trouble.lost) {
      this.stats.lost++;
      return;
    }
    this.#later(send);
    if (repetition >= this.trouble.repeated) return;
    this.stats.repeated++;
    this.#later(send);
  }

  #later(send: () => void): void {
    const [kind, span] = [this.#random(), this.#random()];
    const { delayed, stale } = this.trouble;
    this.stats.passed++;
    if (kind >= delayed + stale) return send();
    const isStale = kind >= delayed;
    this.stats[isStale ? "stale" : "delayed"]++;
    const ms = isStale ? STALE_MS.min + span * (STALE_MS.max - STALE_MS.min) : span * DELAY_MS_MAX;
    setTimeout(() => {
      if (!this.#closed) send();
    }, ms);
  }

  async #sweep(): Promise<void> {
    for (const [key, opening] of this.#upstreams) {
      const upstream = await opening;
      if (performance.now() - upstream.heardAtMs < IDLE_MS_MAX) continue;
      this.#upstreams.delete(key);
      upstream.socket.close();
    }
  }
}

async function openSocket(onData: (bytes: Buffer, peer: Peer) => void) {
  return Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    binaryType: "buffer",
    socket: {
      // The datagram is copied: it must not change when the buffer is used again.
      data: (_socket, bytes, port, address) => onData(Buffer.from(bytes), { address, port }),
      // The peer was killed: its kernel says so, and its datagrams are lost like others.
      error: () => {},
    },
  });
}

function sendOrLose(socket: Datagram, bytes: Buffer, to: Peer): void {
  try {
    socket.send(bytes, to.port, to.address);
  } catch {
    // It is lost like any other.
  }
}
