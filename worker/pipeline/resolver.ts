/**
 * Payments whose last attempt got no clear answer. Each is looked up at its processor, and when that
 * says nothing, sent there again, the same body, after a backoff with full jitter; never anywhere
 * else. A share of the lane is all they get, so that resolving does not drown the living, and while
 * the lane's breaker is open they go first as its trials: they belong there anyway. One that was tried
 * again and again leaves them to payments that wait, or a few that never get an answer would keep a
 * healthy processor out. Every bound is a lane's: one that hangs keeps nobody else waiting.
 *
 * When a lane that is open may work again, they rest no longer: no payment that another processor would
 * take is risked there before one of them was; one that is tried in vain then leaves it the next turn.
 *
 * A processor may know an id for a time only. After that the same body would be a second charge, so that
 * it is looked up, and nothing else; what cannot be looked up waits for an operator. One that cannot be
 * asked at all is sent the body again at once, within that time.
 *
 * Only says what is due; whoever asks makes the call, and tells when it has ended.
 */
import type { Lane, Lanes } from "../lane.ts";
import { assignmentOf, nameOf, type OpenPayment } from "../payment.ts";

export const RESOLVER_DEFAULTS = {
  backoffMsFirst: 250,
  backoffMsMax: 10_000,
  looksInFlightMax: 16,
  /** While the lane's breaker is open: as many as may be its trials, which are looked up before. */
  looksWhileOpenMax: 4,
  /** Divisor of a lane's limit: the part that may be in flight for sending again. */
  laneShare: 4,
  /** Tries after which a payment says more about itself than about the processor. */
  triesAsTrialMax: 3,
};
export type ResolverOptions = Readonly<typeof RESOLVER_DEFAULTS>;

/** Whether its processor surely knows a payment's id still, as far as it was charged there. */
export type MaySend = (payment: OpenPayment, lane: Lane) => boolean;

/** A payment that is resolved: what is done for it next, and how often it was sent again. */
export type Resolution = {
  readonly payment: OpenPayment;
  readonly step: "look" | "charge";
  readonly dueAtMs: number;
  readonly tries: number;
};
/** A resolution that is due: taken out until its call has ended. */
export type Due = Resolution & {
  readonly lane: Lane;
  /** It rests no longer since its processor, whose lane is open, may work again. */
  readonly isNews: boolean;
};

export class Resolver {
  readonly #lanes: Lanes;
  readonly #random: () => number;
  readonly #maySend: MaySend;
  readonly #options: ResolverOptions;
  /** Resolutions by processor, then by seq, oldest first. */
  readonly #waiting = new Map<number, Map<number, Resolution>>();
  /** Payments that are not sent again, by processor: it may have forgotten them. */
  readonly #outlived = new Map<number, Set<number>>();
  /** Lanes that might have worked again, where one of these was tried in vain, and no other payment since. */
  readonly #inVain = new Set<Lane>();
  /** Calls under way of each lane. */
  readonly #underWay = { look: new Map<Lane, number>(), charge: new Map<Lane, number>() };

  constructor(
    lanes: Lanes,
    random: () => number,
    maySend: MaySend = () => true,
    options: ResolverOptions = RESOLVER_DEFAULTS,
  ) {
    this.#lanes = lanes;
    this.#random = random;
    this.#maySend = maySend;
    this.#options = options;
  }

  /** Takes a payment up, or up again after so many tries. */
  add(nowMs: number, payment: OpenPayment, tries = 0): void {
    const { backoffMsFirst, backoffMsMax } = this.#options;
    const ceilingMs = Math.min(backoffMsMax, backoffMsFirst * 2 ** Math.min(tries, 16));
    const dueAtMs = nowMs + (tries === 0 ? 0 : this.#random() * ceilingMs);
    const canBeAsked = this.#lanes.of(payment)?.client.canBeAsked !== false;
    this.#wait({ payment, step: canBeAsked ? "look" : "charge", dueAtMs, tries });
  }

  /** An operator holds it, or has decided about it. */
  remove(payment: OpenPayment): void {
    for (const waiting of this.#waiting.values()) waiting.delete(payment.seq);
    this.#forget(payment);
  }

  /** A payment that is no unknown one was sent to a lane that is open. */
  risked(lane: Lane): void {
    this.#inVain.delete(lane);
  }

  /** The lane works, or an operator says so: what rests is due. */
  works(nowMs: number, lane: Lane): void {
    this.#inVain.delete(lane);
    const waiting = this.#waiting.get(lane.number);
    for (const one of waiting?.values() ?? []) {
      if (one.dueAtMs > nowMs) this.#wait({ ...one, dueAtMs: nowMs });
    }
  }

  /** Number of payments that are not sent there again, and wait for a look or an operator. */
  outlivedAt(lane: Lane): number {
    return this.#outlived.get(lane.number)?.size ?? 0;
  }

  /**
   * Gives those that are due, one after the other, each taken out; its call must be under way before the next is
   * asked for. `othersWait`: payments that belong to nobody, and might go as trials instead. Says of each lane
   * whether it asks first.
   */
  *due(nowMs: number, othersWait: boolean): Generator<Due> {
    for (const [processor, waiting] of this.#waiting) {
      const lane = this.#lanes.numbered(processor);
      // Payments of a processor that is gone from the configuration, or has moved, are an operator's.
      if (lane === null || lane.movedFrom !== null || lane.restMs(nowMs) > 0) continue;
      lane.asksFirst = !this.#inVain.has(lane) && (waiting.size > 0 || this.#isAsking(lane));
      const isNews = lane.asksFirst && lane.mayWork(nowMs);
      let places = this.#placesForLooks(lane);
      for (const one of waiting.values()) {
        if (one.dueAtMs > nowMs && !isNews) continue;
        if (one.step === "charge" && !this.#maySend(one.payment, lane)) {
          this.#outlive(nowMs, one, lane);
          if (isNews) this.#triedInVain(lane);
          continue;
        }
        const others = othersWait && !isNews;
        if (one.step === "look" ? places <= 0 : !this.#mayCharge(nowMs, one, lane, others))
          continue;
        if (one.step === "look") places--;
        const { kind } = one.payment.state;
        if (kind !== "unknown") throw new Error(`${nameOf(one.payment)}: resolved while ${kind}`);
        yield this.#begin({ ...one, lane, isNews });
      }
    }
  }

  /** When one may be due next, of those whose processor can be asked; whether it has room then is another thing. */
  nextTickAtMs(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [processor, waiting] of this.#waiting) {
      const lane = this.#lanes.numbered(processor);
      if (lane === null || lane.movedFrom !== null) continue;
      const awakeAtMs = nowMs + lane.restMs(nowMs);
      for (const { dueAtMs } of waiting.values()) {
        nextMs = Math.min(nextMs, Math.max(awakeAtMs, dueAtMs));
        if (nextMs <= nowMs) return nextMs;
      }
    }
    return nextMs;
  }

  /** Takes it out for a look now, due or not, for an operator; the payment may be held. */
  ask(nowMs: number, payment: OpenPayment, lane: Lane): Due {
    const waiting = this.#waiting.get(lane.number)?.get(payment.seq);
    const { tries, dueAtMs } = waiting ?? { tries: 0, dueAtMs: nowMs };
    return this.#begin({ payment, step: "look", dueAtMs, tries, lane, isNews: false });
  }

  /** The look has ended, and the processor gave no information: it is sent again. */
  looked({ payment, dueAtMs, tries, lane }: Due, isResolved: boolean): void {
    this.#count("look", lane, -1);
    if (isResolved || payment.state.kind !== "unknown") return this.#forget(payment);
    this.#wait({ payment, step: "charge", dueAtMs, tries });
  }

  /** The call that sent it again has ended, in whatever. */
  charged({ lane, payment, isNews }: Due): void {
    this.#count("charge", lane, -1);
    if (isNews && payment.state.kind === "unknown") this.#triedInVain(lane);
  }

  #wait(one: Resolution): void {
    const { processor } = assignmentOf(one.payment);
    let waiting = this.#waiting.get(processor);
    if (waiting === undefined) this.#waiting.set(processor, (waiting = new Map()));
    waiting.set(one.payment.seq, one);
  }

  /** It is never sent again; it is looked up now and then, where that can be done. */
  #outlive(nowMs: number, { payment, tries }: Resolution, lane: Lane): void {
    let outlived = this.#outlived.get(lane.number);
    if (outlived === undefined) this.#outlived.set(lane.number, (outlived = new Set()));
    outlived.add(payment.seq);
    if (lane.client.canBeAsked) this.add(nowMs, payment, tries + 1);
    else this.#waiting.get(lane.number)?.delete(payment.seq);
  }

  #forget(payment: OpenPayment): void {
    for (const outlived of this.#outlived.values()) outlived.delete(payment.seq);
  }

  #begin(due: Due): Due {
    this.#waiting.get(due.lane.number)?.delete(due.payment.seq);
    this.#count(due.step, due.lane, 1);
    return due;
  }

  #triedInVain(lane: Lane): void {
    this.#inVain.add(lane);
    lane.asksFirst = false;
  }

  #isAsking(lane: Lane): boolean {
    return this.#at("look", lane) + this.#at("charge", lane) > 0;
  }

  #placesForLooks(lane: Lane): number {
    const { looksInFlightMax, looksWhileOpenMax } = this.#options;
    return (lane.working ? looksInFlightMax : looksWhileOpenMax) - this.#at("look", lane);
  }

  #mayCharge(nowMs: number, { tries }: Resolution, lane: Lane, othersWait: boolean): boolean {
    if (!lane.working) {
      const others = lane.mode !== "drained" && othersWait;
      const telling = tries < this.#options.triesAsTrialMax || !others;
      return telling && lane.admitsTrial(nowMs);
    }
    const share = Math.max(1, Math.floor(lane.limit / this.#options.laneShare));
    return lane.hasRoom && this.#at("charge", lane) < share;
  }

  #at(step: Resolution["step"], lane: Lane): number {
    return this.#underWay[step].get(lane) ?? 0;
  }

  #count(step: Resolution["step"], lane: Lane, by: 1 | -1): void {
    this.#underWay[step].set(lane, this.#at(step, lane) + by);
  }
}
