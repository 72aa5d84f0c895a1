/**
 * Payments whose last attempt got no clear answer. Each is looked up at its processor, and when that
 * says nothing, sent there again, the same body, after a backoff with full jitter; never anywhere
 * else. A share of the lane is all they get, so that resolving does not drown the living, and while
 * the lane's breaker is open they go first as its trials: they belong there anyway. One that was tried
 * again and again leaves them to payments that wait, or a few that never get an answer would keep a
 * healthy processor out.
 *
 * Only says what is due; whoever asks makes the call, and tells when it has ended.
 */
import type { Lane, Lanes } from "../lane.ts";
import type { OpenPayment } from "../payment.ts";

export const RESOLVER_DEFAULTS = {
  backoffMsFirst: 250,
  backoffMsMax: 10_000,
  looksInFlightMax: 16,
  /** One in so many of a lane's limit may be in flight for sending again. */
  laneShare: 4,
  /** One that got no clear answer so often says more about itself than about the processor. */
  triesAsTrialMax: 3,
};
export type ResolverOptions = Readonly<typeof RESOLVER_DEFAULTS>;

/** A payment that is resolved: what is done for it next, and how often it was sent again. */
export type Resolution = {
  readonly payment: OpenPayment;
  readonly step: "look" | "charge";
  readonly dueAtMs: number;
  readonly tries: number;
};
/** One that is due: taken out until its call has ended. */
export type Due = Resolution & { readonly lane: Lane };

export class Resolver {
  readonly #lanes: Lanes;
  readonly #random: () => number;
  readonly #options: ResolverOptions;
  /** By seq, oldest first. */
  readonly #waiting = new Map<number, Resolution>();
  /** Calls under way: all that look, and those of each lane that charge again. */
  #looking = 0;
  readonly #charging = new Map<Lane, number>();

  constructor(lanes: Lanes, random: () => number, options: ResolverOptions = RESOLVER_DEFAULTS) {
    this.#lanes = lanes;
    this.#random = random;
    this.#options = options;
  }

  /** Takes a payment up, or up again after so many tries. */
  add(nowMs: number, payment: OpenPayment, tries = 0): void {
    const { backoffMsFirst, backoffMsMax } = this.#options;
    const ceilingMs = Math.min(backoffMsMax, backoffMsFirst * 2 ** Math.min(tries, 16));
    const dueAtMs = nowMs + (tries === 0 ? 0 : this.#random() * ceilingMs);
    this.#waiting.set(payment.seq, { payment, step: "look", dueAtMs, tries });
  }

  /** An operator holds it, or has decided about it. */
  remove(payment: OpenPayment): void {
    this.#waiting.delete(payment.seq);
  }

  /**
   * What is due, one after the other, each taken out; its call must be under way before the next is
   * asked for. `othersWait`: payments that belong to nobody, and might go as trials instead.
   */
  *due(nowMs: number, othersWait: boolean): Generator<Due> {
    for (const one of this.#waiting.values()) {
      if (one.dueAtMs > nowMs) continue;
      if (one.step === "look" && this.#looking >= this.#options.looksInFlightMax) continue;
      const lane = this.#lanes.of(one.payment);
      const { state, seq } = one.payment;
      if (state.kind !== "unknown") throw new Error(`payment ${seq}, resolved while ${state.kind}`);
      if (lane === null) continue; // Its processor is not configured any more: an operator's to decide.
      if (lane.movedFrom !== null) continue; // Likewise.
      if (lane.restMs(nowMs) > 0) continue;
      if (one.step === "charge" && !this.#mayCharge(nowMs, one, lane, othersWait)) continue;
      yield this.#begin({ ...one, lane });
    }
  }

  /** Takes it out for a look now, due or not, for an operator; the payment may be held. */
  ask(nowMs: number, payment: OpenPayment, lane: Lane): Due {
    const waiting = this.#waiting.get(payment.seq);
    const { tries, dueAtMs } = waiting ?? { tries: 0, dueAtMs: nowMs };
    return this.#begin({ payment, step: "look", dueAtMs, tries, lane });
  }

  /** The look has ended, and the processor gave no information: it is sent again. */
  looked({ payment, dueAtMs, tries }: Due, isResolved: boolean): void {
    this.#looking--;
    if (isResolved || payment.state.kind !== "unknown") return;
    this.#waiting.set(payment.seq, { payment, step: "charge", dueAtMs, tries });
  }

  /** The call that sent it again has ended, in whatever. */
  charged({ lane }: Due): void {
    this.#charging.set(lane, this.#chargingAt(lane) - 1);
  }

  #begin(due: Due): Due {
    this.#waiting.delete(due.payment.seq);
    if (due.step === "look") this.#looking++;
    else this.#charging.set(due.lane, this.#chargingAt(due.lane) + 1);
    return due;
  }

  #mayCharge(nowMs: number, { tries }: Resolution, lane: Lane, othersWait: boolean): boolean {
    if (!lane.working) {
      const others = lane.mode !== "drained" && othersWait;
      const telling = tries < this.#options.triesAsTrialMax || !others;
      return telling && lane.admitsTrial(nowMs);
    }
    const share = Math.max(1, Math.floor(lane.limit / this.#options.laneShare));
    return lane.hasRoom && this.#chargingAt(lane) < share;
  }

  #chargingAt(lane: Lane): number {
    return this.#charging.get(lane) ?? 0;
  }
}
