/** A processor as the router sees it: its breaker, its limit, and how fast it has been lately. */
import {
  Breaker,
  type BreakerKind,
  type BreakerOptions,
  type BreakerState,
  type OnChange,
  type Signal,
  type Ticket,
} from "./breaker.ts";
import { Limit, type LimitOptions } from "./limit.ts";
import { Rejections } from "./rejections.ts";
import type { Tariff } from "../../shared/tariff.ts";
import type { ProcessorMode } from "../transitions.ts";

/** Good news is believed sooner: an estimate left over from an outage would send payments elsewhere. */
const LATENCY_WEIGHT = { slower: 0.1, faster: 0.3 };
/** Latency that is assumed before the first answer. */
export const LATENCY_MS_START = 50;
/** A reading of the health probe counts while no real answer is younger than this. */
const PASSIVE_FRESH_MS = 1_000;
/** Time without a health reading after which its processor says nothing: three of the contest's probes. */
const HEALTH_SILENT_MS = 15_000;
/** Time for which one failure without a success after it puts the processor in doubt. */
const DOUBT_MS = 2_000;
/** An idle processor would ramp up to at least this part of its hard limit if it were used. */
const RATE_LIMIT_SHARE = 4;

/** Meaning of an answer for the lane; its meaning for the payment is not the router's business. */
export type LaneReport = {
  /** `accepted`: a success that is a charge. `rejected`: a 400, which may be anybody's fault. */
  readonly signal: Exclude<Signal, "trip"> | "accepted";
  readonly latencyMs: number;
  /** True when the processor said that it has too much to do, or did not answer in time. */
  readonly dropped: boolean;
  /** Time for which the processor wants to be left alone. */
  readonly restMs?: number;
  readonly cause: string;
};

export type RouterLaneOptions = {
  readonly name: string;
  readonly fee: Tariff;
  readonly inFlightMax: number;
  /** Hears of every change of its breaker, in the words of the answer that caused it. */
  readonly onChange?: OnChange;
  readonly breaker?: BreakerOptions | undefined;
  readonly limit?: LimitOptions | undefined;
};

export class RouterLane {
  readonly name: string;
  readonly fee: Tariff;
  /** Set by an operator. */
  mode: ProcessorMode = "auto";
  /** Address that its payments belong to, while it is configured with another: nothing is sent to it. */
  movedFrom: string | null = null;
  /** Payments that it may have charged wait for its word: none that another one would take is risked before. */
  asksFirst = false;
  /** Calls that are this worker's, of those that the processor takes from all workers. */
  inFlightShare = Number.POSITIVE_INFINITY;
  readonly #breaker: Breaker;
  readonly #limit: Limit;
  readonly #rejections = new Rejections();
  #inFlight = 0;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #latencyMs = LATENCY_MS_START;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  /** Time of the last health reading. */
  #readAtMs = Number.NEGATIVE_INFINITY;
  #succeededAtMs = Number.NEGATIVE_INFINITY;
  /** Time of its last failure, if it has not succeeded since. */
  #failedAtMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: number, options: RouterLaneOptions) {
    const { name, fee, inFlightMax, onChange, breaker, limit } = options;
    this.name = name;
    this.fee = fee;
    this.#breaker = new Breaker(nowMs, onChange, breaker);
    this.#limit = new Limit(inFlightMax, limit);
  }

  get breaker(): Readonly<BreakerState> {
    return this.#breaker.state;
  }
  get inFlight(): number {
    return this.#inFlight;
  }
  get limit(): number {
    return Math.min(this.#limit.value, this.inFlightShare);
  }
  get latencyMs(): number {
    return this.#latencyMs;
  }
  /** False when it is as if it were not there for new payments. */
  get takesPayments(): boolean {
    return this.mode !== "drained" && this.movedFrom === null;
  }
  /** True when it works, as far as is known; it may still be full. */
  get working(): boolean {
    return this.mode === "forced" || this.#breaker.state.kind !== "open";
  }
  /** True when its last answer was a failure just now: it may be down although its breaker is closed. */
  isInDoubt(nowMs: number): boolean {
    return nowMs < this.doubtUntilMs && this.mode !== "forced";
  }
  get doubtUntilMs(): number {
    return this.#failedAtMs + DOUBT_MS;
  }
  /** True when it is open, and gets a payment that another one would take. */
  isInvited(nowMs: number): boolean {
    return !this.asksFirst && this.mayWork(nowMs);
  }
  /**
   * True when it is open, and may work again: its health probe says so, or says nothing, as of a processor that
   * cannot be asked, and it was not tried for a while.
   */
  mayWork(nowMs: number): boolean {
    if (this.mode === "forced") return false;
    if (this.#breaker.isInvited) return true;
    return nowMs - this.#readAtMs >= HEALTH_SILENT_MS && this.#breaker.admitsProbe(nowMs);
  }
  get hasRoom(): boolean {
    const admits = this.mode === "forced" || this.#breaker.admits;
    return admits && this.#inFlight < this.limit;
  }
  /** True when it has rejected since its last acceptance: those payments wait for the next one. */
  get hasRejected(): boolean {
    return this.#rejections.pending;
  }

  takes(nowMs: number): boolean {
    return this.hasRoom && nowMs >= this.#restUntilMs;
  }

  /** Rest of the time for which the processor wants to be left alone by everybody. */
  restMs(nowMs: number): number {
    return Math.max(0, this.#restUntilMs - nowMs);
  }

  /** Count that a payment remembers when it is rejected, for the case that it is rejected again. */
  get acceptances(): number {
    return this.#rejections.acceptances;
  }

  /** True when its last rejection is the fault of a payment that it has rejected before. */
  rejectionIsBelieved(nowMs: number, acceptancesBefore: number): boolean {
    return this.#rejections.believed(nowMs, acceptancesBefore);
  }

  /** Records that it has accepted a payment that it had rejected. */
  contradicted(nowMs: number): void {
    this.#rejections.contradicted(nowMs);
  }

  /** Time in which it is expected to settle one more payment: the longer the fuller it is. */
  get loadMs(): number {
    return (Math.max(1, this.#latencyMs) * (this.#inFlight + 1)) / this.limit;
  }
  /** Payments a millisecond that it can settle (Little's law); 0 while its breaker is open. */
  get ratePerMs(): number {
    if (!this.working) return 0;
    const limit = Math.max(this.#limit.value, this.#limit.max / RATE_LIMIT_SHARE);
    return Math.min(limit, this.inFlightShare) / Math.max(1, this.#latencyMs);
  }

  /** Time in which it would settle the payment behind `position` others that go at `ratePerMs`. */
  settlesInMs(position: number, ratePerMs: number): number {
    const aheadMs = ratePerMs > 0 ? position / ratePerMs : 0;
    return this.#latencyMs + this.#rampMs(position) + aheadMs;
  }

  /** Ramp time: the limit doubles once a latency up to what `ratePerMs` counts on, or what is needed. */
  #rampMs(position: number): number {
    const wanted = Math.min(position, this.#limit.max / RATE_LIMIT_SHARE);
    return wanted > this.limit ? this.#latencyMs * Math.log2(wanted / this.limit) : 0;
  }

  admitsTrial(nowMs: number): boolean {
    const asleep = this.mode === "forced" || nowMs < this.#restUntilMs;
    return !asleep && this.#breaker.admitsTrial(nowMs);
  }

  admit(nowMs: number): Ticket {
    this.#inFlight++;
    return this.#breaker.admit(nowMs);
  }

  /** Records an answer. Throws when no call is under way, or this one was answered before. */
  record(nowMs: number, ticket: Ticket, report: LaneReport): void {
    if (this.#inFlight === 0) throw new Error(`${this.name}: an answer without a call`);
    this.#inFlight--;
    // An answer from before the last change, such as a trial that was slow because of the outage, would
    // spoil what is known of the time since.
    const current = this.#breaker.isCurrent(ticket);
    const signal = this.#judge(nowMs, report);
    const before = this.#breaker.state.kind;
    this.#breaker.record(nowMs, ticket, signal, causeOf(before, signal, report));
    if (before === "open" && this.breaker.kind === "half-open") {
      this.#limit.restart();
      // A trial may have been slow because of the outage: what comes now tells more.
      this.#latencyMs = Math.min(report.latencyMs, LATENCY_MS_START);
    }
    if (report.restMs !== undefined) {
      this.#restUntilMs = Math.max(this.#restUntilMs, nowMs + report.restMs);
    }
    if (signal === "success") this.#succeededAtMs = nowMs;
    if (signal === "failure") this.#failedAtMs = nowMs;
    else if (signal === "success") this.#failedAtMs = Number.NEGATIVE_INFINITY;
    if (current && report.dropped) this.#limit.dropped(nowMs, report.latencyMs);
    else if (current && signal === "success") this.#succeeded(nowMs, report.latencyMs);
    if (report.signal !== "none") this.#answeredAtMs = nowMs;
  }

  /** Records a reading. Passive signals come first: real answers are younger than any reading. */
  recordHealth(nowMs: number, reading: { failing: boolean; minResponseTimeMs: number }): void {
    const { failing, minResponseTimeMs } = reading;
    this.#readAtMs = nowMs;
    if (nowMs - this.#answeredAtMs >= PASSIVE_FRESH_MS) this.#latencyMs = minResponseTimeMs;
    if (!failing) this.#failedAtMs = Number.NEGATIVE_INFINITY;
    if (failing && nowMs - this.#succeededAtMs < PASSIVE_FRESH_MS) return;
    const said = `failing: ${failing}, minResponseTime: ${minResponseTimeMs} ms`;
    this.#breaker.recordHealth(nowMs, failing, `its health reading says ${said}`);
  }

  #judge(nowMs: number, { signal, dropped }: LaneReport): Signal {
    switch (signal) {
      case "accepted":
        this.#rejections.accepted(nowMs);
        return "success";
      case "rejected":
        return this.#rejections.rejected();
      case "none":
        return dropped ? this.#signalOfDrop(nowMs) : "none";
      default:
        return signal;
    }
  }

  /** Turning calls away is no failure, unless it has been the only answer for a while. */
  #signalOfDrop(nowMs: number): Signal {
    return nowMs - this.#succeededAtMs >= PASSIVE_FRESH_MS ? "failure" : "none";
  }

  #succeeded(nowMs: number, latencyMs: number): void {
    const change = latencyMs - this.#latencyMs;
    this.#latencyMs += change * (change > 0 ? LATENCY_WEIGHT.slower : LATENCY_WEIGHT.faster);
    this.#limit.answered(nowMs, this.#inFlight + 1, latencyMs);
  }
}

/** Text of a cause; it is built only where it may be needed: an ordinary success changes nothing. */
function causeOf(before: BreakerKind, signal: Signal, { cause, latencyMs }: LaneReport): string {
  if (before === "closed" && signal === "success") return "";
  const after = `after ${Math.round(latencyMs)} ms`;
  if (signal !== "success") return `${cause}, ${after}`;
  return before === "open"
    ? `a trial succeeded ${after}`
    : `calls succeed again, the last ${after}`;
}
