/**
 * Payments whose last attempt got no clear answer. Each is looked up at its processor, and when that
 * says nothing, sent there again, the same body, after a backoff with full jitter; never anywhere
 * else. A share of the lane is all they get, so that resolving does not drown the living, and while
 * the lane's breaker is open they go first as its trials: they belong there anyway. One that was tried
 * again and again leaves them to payments that wait, or a few that never get an answer would keep a
 * healthy processor out.
 */
import type { OpenPayment } from "../payment.ts";
import type { PipelineOptions } from "../pipeline.ts";
import type { Books } from "./books.ts";
import type { Dispatch, Looked } from "./dispatch.ts";

const BACKOFF_MS_FIRST = 250;
const BACKOFF_MS_MAX = 10_000;
const LOOKS_IN_FLIGHT_MAX = 16;
/** Of a lane's limit, what may be in flight for sending again. */
const LANE_SHARE = 4;
/** One that got no clear answer so often says more about itself than about the processor. */
const TRIES_AS_TRIAL_MAX = 3;

type Case = {
  readonly payment: OpenPayment;
  step: "look" | "charge";
  dueAtMs: number;
  tries: number;
};

export class Resolver {
  /** Looks under way; calls that charge again are counted by the dispatch. */
  inFlight = 0;
  readonly #options: PipelineOptions;
  readonly #books: Books;
  readonly #dispatch: Dispatch;
  /** By seq, oldest first; a case whose call is under way is not in here. */
  readonly #waiting = new Map<number, Case>();
  /** How often a payment has been tried, while its call is under way. */
  readonly #tries = new Map<number, number>();
  /** Calls under way that charge again, by lane. */
  readonly #charging: number[];

  constructor(options: PipelineOptions, books: Books, dispatch: Dispatch) {
    this.#options = options;
    this.#books = books;
    this.#dispatch = dispatch;
    this.#charging = options.processors.map(() => 0);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes a payment up, or up again after another try. */
  add(payment: OpenPayment): void {
    const tries = this.#tries.get(payment.seq) ?? 0;
    this.#tries.delete(payment.seq);
    const { clock, random } = this.#options;
    const ceilingMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_FIRST * 2 ** Math.min(tries, 16));
    const dueAtMs = clock.steadyMs() + (tries === 0 ? 0 : random() * ceilingMs);
    this.#waiting.set(payment.seq, { payment, step: "look", dueAtMs, tries });
  }

  tick(): void {
    if (this.#waiting.size === 0) return;
    const nowMs = this.#options.clock.steadyMs();
    for (const one of this.#waiting.values()) {
      if (one.dueAtMs > nowMs) continue;
      if (one.step === "look" && this.inFlight >= LOOKS_IN_FLIGHT_MAX) continue;
      const lane = this.#books.laneOf(one.payment);
      if (lane === -1) continue; // Its processor is not configured any more: an operator's case.
      if (this.#options.router.lane(lane).movedFrom !== null) continue; // Likewise.
      if (this.#options.router.lane(lane).restMs(nowMs) > 0) continue;
      if (one.step === "look") void this.#look(one);
      else if (this.#mayCharge(nowMs, one, lane)) this.#charge(nowMs, one, lane);
    }
  }

  /** An operator holds it, or has decided about it. */
  remove(payment: OpenPayment): void {
    this.#waiting.delete(payment.seq);
  }

  /** Looks now, due or not, for an operator; the payment may be held. */
  ask(payment: OpenPayment): Promise<Looked> {
    const dueAtMs = this.#options.clock.steadyMs();
    const waiting = this.#waiting.get(payment.seq);
    return this.#look(waiting ?? { payment, step: "look", dueAtMs, tries: 0 });
  }

  async #look(one: Case): Promise<Looked> {
    this.inFlight++;
    this.#waiting.delete(one.payment.seq);
    const looked = await this.#dispatch.look(one.payment);
    this.inFlight--;
    if (looked.kind !== "no-information") return looked;
    one.step = "charge";
    if (one.payment.state.kind === "unknown") this.#waiting.set(one.payment.seq, one);
    return looked;
  }

  #mayCharge(nowMs: number, one: Case, number: number): boolean {
    const lane = this.#options.router.lane(number);
    if (!lane.working) {
      const others = lane.mode !== "drained" && this.#dispatch.hasWaiting;
      const telling = one.tries < TRIES_AS_TRIAL_MAX || !others;
      return telling && lane.admitsTrial(nowMs);
    }
    const share = Math.max(1, Math.floor(lane.limit / LANE_SHARE));
    return lane.hasRoom && (this.#charging[number] as number) < share;
  }

  #charge(nowMs: number, one: Case, lane: number): void {
    this.#waiting.delete(one.payment.seq);
    this.#tries.set(one.payment.seq, one.tries + 1);
    const ticket = this.#options.router.admit(nowMs, lane);
    this.#charging[lane]!++;
    void this.#dispatch.charge(one.payment, { lane, ticket }).then(() => {
      this.#charging[lane]!--;
      this.#tries.delete(one.payment.seq);
    });
  }
}
