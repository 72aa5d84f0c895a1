/**
 * Judges each decision of the worker at the moment at which it is made, which is when it is handed to the
 * journal, by what a bystander has seen since the worker's start, and never by the worker's own state:
 *
 *   R1  a payment goes to no dearer processor while a cheaper one has room that has only ever succeeded
 *   R2  none waits beyond its patience while a processor has room that has only ever succeeded
 *   R3  nothing new is assigned to a processor that an operator has drained
 *   R4  one call charges a payment at a time, few of them a second, and few are at a processor at once
 *   R5  no more payments are open than the backlog takes
 *
 * A processor that has failed once since the start is judged no more until the next one: what its breaker and
 * limit make of that is theirs.
 */
import type { TransitionResult } from "../../worker/journal.ts";
import { PACE_DEFAULTS } from "../../worker/pipeline/pace.ts";
import type { Transition } from "../../worker/transitions.ts";
import type { Disk } from "./disk.ts";
import { naiveFee } from "./fees.ts";
import type { Settings } from "./settings.ts";
import type { Tariffs } from "./tariffs.ts";
import type { Time } from "./time.ts";
import { Violation } from "./violation.ts";
import { OWN_FAULT, type ChargeSeen } from "./wire.ts";

/** Tolerance of R2: a turn of the pipeline, and the pace. */
const LATE_MS = 200;
/** R2 says nothing of a commit that may take longer. */
const DISK_MS_MAX = 5;
/** R4: more charges of one payment in a second than its rests leave room for. */
const CHARGES_A_SECOND_MAX = 60;

/** Gives a processor's place among the wires by its number in the journal. */
export type PlaceOf = (processor: number) => number;

type Place = {
  isSpotless: boolean;
  isDrained: boolean;
  /** An operator is deciding about it. */
  inDoubt: number;
  /** Assignments whose call has not left, and calls under way. */
  inFlight: number;
  /** Since when it has had room without a break; infinite while it has none. */
  roomSinceMs: number;
};
type Waiting = { readonly amountCents: number; readonly sinceMs: number; durableAtMs: number };

export type DecisionsOptions = {
  readonly time: Time;
  readonly settings: () => Settings;
  readonly disk: Pick<Disk, "stallMsMax">;
  /** Names of the processors, in the order of the wires. */
  readonly names: readonly string[];
  readonly openCount: () => number;
};

export class Decisions {
  readonly #options: DecisionsOptions;
  #places: Place[] = [];
  /** Payments accepted since the start that belong to nobody, and were never refused or decided about. */
  #waiting = new Map<number, Waiting>();
  /** Places of assignments whose call has not left, by the payment's number in the journal. */
  #reserved = new Map<number, number>();
  /** An id that is posted twice at once has two numbers until one of them is a duplicate. */
  readonly #seqOf = new Map<string, number>();
  readonly #known = new Map<number, { readonly id: string; readonly cents: number }>();
  #underWay = new Set<string>();
  /** Instants of a payment's last charges. */
  readonly #charges = new Map<string, number[]>();
  #isRestored = false;
  /** A place is taken from the decision on: where each waits for a slow disk, places are no measure. */
  #wasDiskSlow = false;

  constructor(options: DecisionsOptions) {
    this.#options = options;
  }

  /** A worker starts: it knows nothing, and neither does this one. */
  onStart(drained: readonly string[]): void {
    const { names, time } = this.#options;
    this.#wasDiskSlow = false;
    this.#waiting.clear();
    this.#reserved.clear();
    this.#underWay.clear();
    this.#places = names.map((name) => ({
      isSpotless: true,
      isDrained: drained.includes(name),
      inDoubt: 0,
      inFlight: 0,
      roomSinceMs: time.nowMs,
    }));
  }

  /** The journal is another one: its payments are asked for before anything is sent. */
  onRestored(): void {
    this.#isRestored = true;
  }

  onOperator(name: string, isDone: boolean | null, action: string): void {
    const place = this.#places[this.#options.names.indexOf(name)]!;
    if (isDone === null) return void place.inDoubt++;
    place.inDoubt = Math.max(0, place.inDoubt - 1);
    if (!isDone) return;
    place.isDrained = action === "drain";
    if (place.inFlight < this.#roomMin) place.roomSinceMs = this.#options.time.nowMs;
  }

  /** It says that it fails. */
  onFailing(number: number): void {
    this.#places[number]!.isSpotless = false;
  }

  /** The worker hands a decision to the journal. `inForce`: tariffs by the number of the wire. */
  onDecided(transition: Transition, placeOf: PlaceOf, inForce: Tariffs): void {
    this.#wasDiskSlow ||= this.#options.disk.stallMsMax > DISK_MS_MAX;
    if (transition.kind === "accept") {
      const { seq, correlationId: id, amountCents: cents } = transition;
      this.#known.set(seq, { id, cents });
      this.#checkBacklog();
      const sinceMs = this.#options.time.nowMs;
      if (transition.assignment === null)
        this.#waiting.set(seq, { amountCents: cents, sinceMs, durableAtMs: Infinity });
      else this.#onAssigned(seq, placeOf(transition.assignment.processor), inForce);
    } else if (transition.kind === "assign") {
      const { seq, assignment } = transition;
      const waiting = this.#waiting.get(seq);
      if (waiting !== undefined) this.#checkPatience(waiting);
      this.#waiting.delete(seq);
      // It is stored, though the worker may have ended before it heard so.
      this.#seqOf.set(this.#known.get(seq)!.id, seq);
      this.#onAssigned(seq, placeOf(assignment.processor), inForce);
    } else if ("seq" in transition) this.#waiting.delete(transition.seq);
  }

  onResult(transition: Transition, result: TransitionResult | null): void {
    // No call leaves for an assignment that was not stored.
    if (transition.kind === "assign" && result?.kind !== "done") this.#giveBack(transition.seq);
    if (transition.kind !== "accept") return;
    const { seq, correlationId } = transition;
    const waiting = this.#waiting.get(seq);
    if (result?.kind === "done") {
      this.#seqOf.set(correlationId, seq);
      if (waiting !== undefined) waiting.durableAtMs = this.#options.time.nowMs;
      return;
    }
    this.#waiting.delete(seq);
    this.#giveBack(seq);
  }

  onCharge({ correlationId, processor }: ChargeSeen): void {
    const { time } = this.#options;
    if (this.#underWay.has(correlationId)) {
      throw new Violation(
        `R4: ${correlationId} is charged while a call that charges it is under way`,
      );
    }
    this.#underWay.add(correlationId);
    const before = this.#charges.get(correlationId) ?? [];
    const nth = before.at(-CHARGES_A_SECOND_MAX);
    if (nth !== undefined && time.nowMs - nth < 1_000) {
      throw new Violation(`R4: ${correlationId} is charged ${CHARGES_A_SECOND_MAX} times a second`);
    }
    this.#charges.set(correlationId, [...before.slice(-CHARGES_A_SECOND_MAX), time.nowMs]);
    const seq = this.#seqOf.get(correlationId);
    if (seq !== undefined) this.#giveBack(seq);
    this.#occupy(processor);
  }

  onAnswer({ correlationId, processor, outcome }: ChargeSeen, status: number | string): void {
    this.#underWay.delete(correlationId);
    const place = this.#places[processor]!;
    if (status !== 200 || outcome !== "recorded") place.isSpotless = false;
    // The others may not be called either.
    if (status === OWN_FAULT) for (const one of this.#places) one.isSpotless = false;
    this.#vacate(processor);
  }

  #onAssigned(seq: number, number: number, inForce: Tariffs): void {
    const { names } = this.#options;
    const { id, cents } = this.#known.get(seq)!;
    const place = this.#places[number]!;
    if (place.isDrained && place.inDoubt === 0) {
      throw new Violation(`R3: ${id} is assigned to ${names[number]}, which is drained`);
    }
    const fee = naiveFee(inForce[number]!, cents);
    for (const [other, tariff] of inForce.entries()) {
      if (!this.#isFree(other) || naiveFee(tariff, cents) >= fee) continue;
      throw new Violation(
        `R1: ${id} goes to ${names[number]}, and ${names[other]} is cheaper and free`,
      );
    }
    this.#occupy(number);
    this.#reserved.set(seq, number);
  }

  #giveBack(seq: number): void {
    const number = this.#reserved.get(seq);
    if (number === undefined) return;
    this.#reserved.delete(seq);
    this.#vacate(number);
  }

  #occupy(number: number): void {
    const { inFlightMax, tuning } = this.#options.settings().bounds;
    const place = this.#places[number]!;
    place.inFlight++;
    if (place.inFlight >= this.#roomMin) place.roomSinceMs = Infinity;
    // Trials go beyond the limit, and so do those that its health has invited.
    const most = inFlightMax + 2 * (tuning.breaker?.trialsUnansweredMax ?? 4);
    if (place.inFlight > most)
      throw new Violation(`R4: ${place.inFlight} calls are at a processor`);
  }

  #vacate(number: number): void {
    const place = this.#places[number]!;
    place.inFlight--;
    if (place.inFlight === this.#roomMin - 1) place.roomSinceMs = this.#options.time.nowMs;
  }

  /** A limit starts there, and only a failure lowers it. */
  get #roomMin(): number {
    const { inFlightMax, tuning } = this.#options.settings().bounds;
    return Math.min(inFlightMax, tuning.limit?.start ?? 8);
  }

  #isFree(number: number): boolean {
    const { isSpotless, isDrained, inDoubt, inFlight } = this.#places[number]!;
    return isSpotless && !isDrained && inDoubt === 0 && inFlight < this.#roomMin;
  }

  #checkPatience({ sinceMs, durableAtMs }: Waiting): void {
    const { time, settings, names } = this.#options;
    const { patienceMs, bounds } = settings();
    const { perMsMin, perMsStart } = bounds.tuning.pace ?? PACE_DEFAULTS;
    const isSlow = Math.min(perMsMin, perMsStart) < 1;
    if (this.#isRestored || isSlow || this.#wasDiskSlow || time.pausedMs > 0) return;
    const lateWaitMs = Math.min(bounds.tuning.router?.lateWaitMsMax ?? 3_000, patienceMs);
    const dueAtMs = Math.max(sinceMs + patienceMs, durableAtMs) + lateWaitMs;
    if (time.nowMs <= dueAtMs + LATE_MS) return;
    for (const [number, { roomSinceMs }] of this.#places.entries()) {
      if (!this.#isFree(number) || roomSinceMs > dueAtMs) continue;
      const lateMs = Math.round(time.nowMs - dueAtMs);
      throw new Violation(
        `R2: a payment waits ${lateMs} ms too long, and ${names[number]} is free`,
      );
    }
  }

  #checkBacklog(): void {
    const { settings, openCount } = this.#options;
    if (openCount() <= settings().bounds.backlogMax) return;
    throw new Violation(`R5: ${openCount()} payments are open, and there is room for fewer`);
  }
}
