/**
 * Judges which payment is assigned, and when, by what a bystander has seen since the worker's start:
 *
 *   R15  no payment goes to a dearer processor sooner than its patience makes it: as long as the slowest that any
 *        processor has been leaves time for all that waits, a cheaper one is waited for
 *   R19  of payments that wait for the same processors in the same order the one that came first goes first
 *
 * A payment that was refused more than once rests, and nobody outside knows how long. Which payment is risked as
 * the trial of an open processor is not judged.
 */
import type { Lane } from "../../worker/lane.ts";
import { ROUTER_DEFAULTS } from "../../worker/router.ts";
import type { Transition } from "../../worker/transitions.ts";
import type { PlaceOf } from "./decisions.ts";
import { naiveFee } from "./fees.ts";
import type { Settings } from "./settings.ts";
import type { Speeds } from "./speeds.ts";
import type { Tariffs } from "./tariffs.ts";
import type { Time } from "./time.ts";
import { Violation } from "./violation.ts";

/** Share of its cap to which an idle processor is sure to ramp up. */
const RAMP_SHARE = 4;
/** Tolerance of R15: a turn of the pipeline. */
const TURN_MS = 20;

/** Way of a payment, as a bystander has seen it. */
export type Way = {
  readonly id: string;
  readonly cents: number;
  /** When it came, to this life of the worker. */
  readonly cameAtMs: number;
  refusals: number;
  /** When it was refused last. */
  refusedAtMs: number;
  /** Some call about it had no clear answer. */
  isDoubted: boolean;
  /** Place of its last assignment. */
  place: number | null;
  settledAtMs: number | null;
};

export type WaitsOptions = {
  readonly time: Time;
  readonly settings: () => Settings;
  readonly laneAt: (place: number) => Lane | null;
  readonly speeds: Speeds;
  readonly openCount: () => number;
};

export class Waits {
  readonly #options: WaitsOptions;
  /** Payments accepted since the start. */
  readonly #known = new Map<number, Way>();
  /** Payments that may be assigned now, as far as a bystander can tell. */
  readonly #ready = new Map<number, Way>();
  #isRestored = false;

  constructor(options: WaitsOptions) {
    this.#options = options;
  }

  onStart(): void {
    this.#known.clear();
    this.#ready.clear();
  }

  /** The journal is another one: its payments are asked for before anything is sent. */
  onRestored(): void {
    this.#isRestored = true;
  }

  /** The worker hands a decision to the journal. `inForce`: tariffs by the number of the wire. */
  onDecided(transition: Transition, placeOf: PlaceOf, inForce: Tariffs): void {
    if (!("seq" in transition)) return;
    const { kind, seq } = transition;
    if (kind === "accept") {
      const { correlationId: id, amountCents: cents, assignment } = transition;
      const known: Way = {
        id,
        cents,
        cameAtMs: this.#options.time.nowMs,
        refusals: 0,
        refusedAtMs: Number.NEGATIVE_INFINITY,
        isDoubted: false,
        place: null,
        settledAtMs: null,
      };
      this.#known.set(seq, known);
      if (assignment !== null) this.#onAssigned(known, placeOf(assignment.processor), inForce);
      return;
    }
    const known = this.#known.get(seq);
    if (known === undefined) return;
    if (kind === "assign") {
      const place = placeOf(transition.assignment.processor);
      this.#ready.delete(seq);
      this.#onAssigned(known, place, inForce);
      this.#checkOrder(known, place, inForce);
    } else if (kind === "release") {
      const isFirst = ++known.refusals === 1;
      known.refusedAtMs = this.#options.time.nowMs;
      // Only that one is no reason to rest.
      if (isFirst && transition.attempt.outcome === "refused") this.#ready.set(seq, known);
    } else {
      this.#ready.delete(seq);
      if (kind === "settle") known.settledAtMs = this.#options.time.nowMs;
      else known.isDoubted = true;
    }
  }

  /** An acceptance is durable: it waits from now on, unless it was assigned with it. */
  onDurable(transition: Transition, isDone: boolean): void {
    if (transition.kind !== "accept" || transition.assignment !== null || !isDone) return;
    const known = this.#known.get(transition.seq);
    if (known !== undefined && !this.#isRestored) this.#ready.set(transition.seq, known);
  }

  #onAssigned(known: Way, place: number, inForce: Tariffs): void {
    const { id, cents, cameAtMs } = known;
    known.place = place;
    const { time, settings, laneAt } = this.#options;
    const fee = naiveFee(inForce[place]!, cents);
    const cheaper = inForce.findIndex(
      (tariff, other) => naiveFee(tariff, cents) < fee && laneAt(other)?.takesPayments === true,
    );
    if (cheaper === -1 || this.#isRestored) return;
    const leftMs = cameAtMs + settings().patienceMs - time.nowMs;
    const neededMs = this.#neededMs();
    if (leftMs <= neededMs + TURN_MS) return;
    throw new Violation(
      `R15: ${id} goes to ${laneAt(place)?.name} with ${Math.round(leftMs)} ms left, of which it needs ` +
        `${Math.round(neededMs)}, and ${laneAt(cheaper)?.name} is cheaper`,
    );
  }

  /** Ways of the payments of this life of the worker. */
  get ways(): ReadonlyMap<number, Way> {
    return this.#known;
  }

  /** The longest in which a single processor settles all that is open, with the margin that is given away. */
  #neededMs(): number {
    const { settings, speeds, openCount, laneAt } = this.#options;
    const { patienceMs, bounds } = settings();
    const { marginMsMax, marginShare } = bounds.tuning.router ?? ROUTER_DEFAULTS;
    const marginMs = Math.min(marginMsMax, patienceMs * marginShare);
    const lanes = Array.from({ length: bounds.processors }, (_, place) => laneAt(place)!);
    const restMs = Math.max(...lanes.map((lane) => lane.restMs(this.#options.time.nowMs)));
    const limit = Math.min(...lanes.map((one) => one.limit));
    const most = bounds.inFlightMax / RAMP_SHARE;
    const latencyMs = Math.max(1, speeds.mostMs);
    const rampMs = latencyMs * Math.max(0, Math.log2(Math.min(openCount(), most) / limit));
    return (
      restMs + latencyMs + rampMs + (openCount() * latencyMs) / Math.max(limit, most) + marginMs
    );
  }

  #checkOrder(known: Way, place: number, inForce: Tariffs): void {
    const { time, settings, laneAt } = this.#options;
    const lane = laneAt(place);
    if (known.refusals > 1 || lane === null || lane.breaker.kind === "open") return;
    const fee = naiveFee(inForce[place]!, known.cents);
    if (inForce.some((tariff) => naiveFee(tariff, known.cents) < fee)) return;
    const order = orderOf(inForce, known);
    for (const other of this.#ready.values()) {
      if (other.cameAtMs >= known.cameAtMs || orderOf(inForce, other) !== order) continue;
      // A payment that is late avoids a processor in doubt.
      const isLate = other.cameAtMs + settings().patienceMs <= time.nowMs;
      if (isLate && lane.isInDoubt(time.nowMs)) continue;
      throw new Violation(`R19: ${known.id} is assigned before ${other.id}, which came first`);
    }
  }
}

/** The processors by their fees for a payment; one with another order waits in another line. */
function orderOf(inForce: Tariffs, { cents }: Way): string {
  const fees = inForce.map((tariff) => naiveFee(tariff, cents));
  return fees.map((fee) => fees.filter((other) => other < fee).length).join();
}
