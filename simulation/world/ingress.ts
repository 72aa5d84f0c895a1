/** An API's process in the world: the link's real client, started and killed. */
import { LinkClientCore, type LinkClientBounds } from "../../shared/link/client.ts";
import { keyringOf } from "../../shared/link/frame.ts";
import type { Payment } from "../../shared/payment.ts";
import type { Verdict } from "../../shared/verdict.ts";
import type { Chance } from "./chance.ts";
import { ApiTap } from "./link/api-tap.ts";
import type { Reason } from "./link/odd.ts";
import { secretsOfApi } from "./link/secrets.ts";
import type { Time } from "./time.ts";

const TICK_MS = { busy: 10, idle: 200 };
const SEQUENCE_AT = 12;

export type IngressOptions = {
  readonly time: Time;
  readonly chance: Chance;
  /** Number of it among the others. */
  readonly number: number;
  /** The link's secret is being rotated. */
  readonly rotates: boolean;
  /** Its end of the link is listened to. */
  readonly isHeard: boolean;
  readonly ackTimeoutMs: number;
  readonly bounds: LinkClientBounds;
  readonly transmit: (frame: Buffer) => void;
  /** Runs a check; a violation ends the run. */
  readonly watch: (check: () => void) => void;
};

export class Ingress {
  readonly #options: IngressOptions;
  #core: LinkClientCore | null = null;
  #starts = 0;
  #seen = nothingSeen();
  #tap: ApiTap | null = null;

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

  /** Listens at it; null while it is down, and where nobody does. */
  get tap(): ApiTap | null {
    return this.#tap;
  }

  start(): void {
    const { time, ackTimeoutMs, bounds, transmit, chance, watch } = this.#options;
    const { number, rotates, isHeard } = this.#options;
    const seen = (this.#seen = nothingSeen());
    const instance = chance.between(0, 2 ** 47);
    const secrets = secretsOfApi(rotates, number + ++this.#starts);
    const shared = { time, instance, secrets, ackTimeoutMs, bounds, tickMs: TICK_MS };
    const tap = (this.#tap = isHeard ? new ApiTap(shared) : null);
    this.#core = new LinkClientCore({
      ...bounds,
      keyring: keyringOf(secrets),
      ackTimeoutMs,
      transmit: (frame) => {
        seen.sent++;
        seen.sequences.add(frame.readUInt32BE(SEQUENCE_AT));
        watch(() => tap?.sends(frame));
        transmit(frame);
      },
      random: chance.next,
      instance,
    });
    this.#tick(this.#starts);
  }

  /** Callers that wait for an answer from it never get one. */
  crash(): void {
    this.#starts++;
    this.#core = null;
    this.#tap = null;
  }

  /** False when there is nobody to take the payment. */
  pay(payment: Payment, done: (verdict: Verdict | null) => void): boolean {
    const core = this.#core;
    const tap = this.#tap;
    if (core === null) return false;
    const { time, watch } = this.#options;
    const asked = tap?.asks(payment);
    core.pay(time.nowMs, payment, (verdict) => {
      if (this.#core !== core) return;
      if (verdict === null) this.#seen.unanswered++;
      if (asked !== undefined) watch(() => tap?.tells(asked, verdict));
      done(verdict);
    });
    time.after(0, () => {
      if (this.#core !== core) return;
      core.flush(time.nowMs);
      watch(() => tap?.checkWindow());
    });
    return true;
  }

  /** True when the frame was believed. */
  receive(frame: Buffer): boolean {
    const core = this.#core;
    const tap = this.#tap;
    if (core === null) return false;
    const { time, watch } = this.#options;
    this.#seen.arrived++;
    const before = core.stats.framesReceived;
    watch(() => tap?.arrives(frame));
    core.receive(time.nowMs, frame);
    const isBelieved = core.stats.framesReceived !== before;
    watch(() => tap?.arrived(isBelieved));
    return isBelieved;
  }

  /** Somebody sends it what no worker of ours would. */
  receiveOdd(frame: Buffer, reason: Reason): void {
    const core = this.#core;
    const tap = this.#tap;
    if (core === null || tap === null) return;
    const { time, watch } = this.#options;
    this.#seen.arrived++;
    tap.drops[reason]++;
    watch(() => tap.ignores(reason, () => core.receive(time.nowMs, frame)));
    watch(() => tap.checkDrops(core.stats));
  }

  /** Pairs of what it has counted since its start, and what was seen; none while it is down. */
  *counts(): Generator<readonly [what: string, ours: number, theirs: number]> {
    if (this.#core === null) return;
    const { sent, sequences, arrived, unanswered } = this.#seen;
    const { framesSent, retransmissions, framesReceived, stale, timeouts, drops } =
      this.#core.stats;
    this.#tap?.checkDrops(this.#core.stats);
    const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
    yield ["frames of an API", framesSent, sent];
    yield ["frames that an API sent again", retransmissions, sent - sequences.size];
    yield ["frames to an API", framesReceived + stale + dropped, arrived];
    yield ["payments without a verdict", timeouts, unanswered];
  }

  #tick(start: number): void {
    const core = this.#core;
    const tap = this.#tap;
    if (core === null || start !== this.#starts) return;
    const { time, watch } = this.#options;
    const tick = () => core.tick(time.nowMs);
    if (tap === null) tick();
    else watch(() => tap.ticks(core, tick));
    time.after(core.idle ? TICK_MS.idle : TICK_MS.busy, () => this.#tick(start));
  }
}

/** Counts of one life of it, as a bystander has them. */
function nothingSeen() {
  return { sent: 0, sequences: new Set<number>(), arrived: 0, unanswered: 0 };
}
