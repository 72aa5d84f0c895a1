/** An API's process in the world: the link's real client, started and killed. */
import { LinkClientCore, type LinkClientBounds } from "../../shared/link/client.ts";
import type { LinkKeys } from "../../shared/link/frame.ts";
import type { Payment } from "../../shared/payment.ts";
import type { Verdict } from "../../shared/verdict.ts";
import type { Chance } from "./chance.ts";
import type { Time } from "./time.ts";

const TICK_MS = 10;
const IDLE_TICK_MS = 200;
const SEQUENCE_AT = 12;

export type IngressOptions = {
  readonly time: Time;
  readonly chance: Chance;
  readonly keys: LinkKeys;
  readonly ackTimeoutMs: number;
  readonly bounds: LinkClientBounds;
  readonly transmit: (frame: Buffer) => void;
};

export class Ingress {
  readonly #options: IngressOptions;
  #core: LinkClientCore | null = null;
  #starts = 0;
  #seen = nothingSeen();

  constructor(options: IngressOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#core !== null;
  }

  /** True while the worker answers it, as its readiness says. */
  get isAnswered(): boolean {
    return this.#core?.answering(this.#options.time.nowMs) === true;
  }

  start(): void {
    const { keys, ackTimeoutMs, bounds, transmit, chance } = this.#options;
    const seen = (this.#seen = nothingSeen());
    this.#core = new LinkClientCore({
      ...bounds,
      keyring: [keys],
      ackTimeoutMs,
      transmit: (frame) => {
        seen.sent++;
        seen.sequences.add(frame.readUInt32BE(SEQUENCE_AT));
        transmit(frame);
      },
      random: chance.next,
      instance: chance.between(0, 2 ** 47),
    });
    this.#tick(++this.#starts);
  }

  /** Callers that wait for an answer from it never get one. */
  crash(): void {
    this.#starts++;
    this.#core = null;
  }

  /** False when there is nobody to take the payment. */
  pay(payment: Payment, done: (verdict: Verdict | null) => void): boolean {
    const core = this.#core;
    if (core === null) return false;
    const { time } = this.#options;
    core.pay(time.nowMs, payment, (verdict) => {
      if (this.#core !== core) return;
      if (verdict === null) this.#seen.unanswered++;
      done(verdict);
    });
    time.after(0, () => {
      if (this.#core === core) core.flush(time.nowMs);
    });
    return true;
  }

  /** True when the frame was believed. */
  receive(frame: Buffer): boolean {
    this.#seen.arrived++;
    const before = this.#core?.stats.framesReceived;
    this.#core?.receive(this.#options.time.nowMs, frame);
    return this.#core?.stats.framesReceived !== before;
  }

  /** Pairs of what it has counted since its start, and what was seen; none while it is down. */
  *counts(): Generator<readonly [what: string, ours: number, theirs: number]> {
    if (this.#core === null) return;
    const { sent, sequences, arrived, unanswered } = this.#seen;
    const { framesSent, retransmissions, framesReceived, stale, timeouts, drops } =
      this.#core.stats;
    const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
    yield ["frames of an API", framesSent, sent];
    yield ["frames that an API sent again", retransmissions, sent - sequences.size];
    yield ["frames to an API", framesReceived + stale + dropped, arrived];
    yield ["payments without a verdict", timeouts, unanswered];
  }

  #tick(start: number): void {
    const core = this.#core;
    if (core === null || start !== this.#starts) return;
    const { time } = this.#options;
    core.tick(time.nowMs);
    time.after(core.idle ? IDLE_TICK_MS : TICK_MS, () => this.#tick(start));
  }
}

/** Counts of one life of it, as a bystander has them. */
function nothingSeen() {
  return { sent: 0, sequences: new Set<number>(), arrived: 0, unanswered: 0 };
}
