/**
 * Judges what the worker says of its processors' breakers and limits, by the answers that a bystander has seen:
 *
 *   R9  a breaker opens after so many failures in a row, and none opens of a processor that has not failed, or
 *       for want of something of our own; an incident says so as long as it is not closed; a call that is
 *       not answered in time raises no limit, and a success lowers none
 *
 * Whether an answer counts depends on when its call was admitted, so that only those are counted whose
 * assignment was decided on while the breaker was seen closed.
 */
import type { Lane } from "../../worker/lane.ts";
import { BREAKER_DEFAULTS } from "../../worker/router/breaker.ts";
import { LIMIT_DEFAULTS } from "../../worker/router/limit.ts";
import type { Transition } from "../../worker/transitions.ts";
import type { Settings } from "./settings.ts";
import type { Time } from "./time.ts";
import { Violation } from "./violation.ts";
import { OWN_FAULT, type ChargeSeen } from "./wire.ts";

type Place = {
  /** Since when its breaker has been seen closed; null while it is not. */
  closedSinceMs: number | null;
  failuresInARow: number;
  succeededAtMs: number;
  successes: number;
  /** Answers that are no success. */
  drops: number;
  /** It has failed, or says so, since the worker's start. */
  hasFailed: boolean;
};

export type BreakersOptions = {
  readonly time: Time;
  readonly settings: () => Settings;
  /** The worker's lane for the processor at a wire; null while the worker is down. */
  readonly laneAt: (place: number) => Lane | null;
  /** Whether the worker says that the breaker of a processor is open. */
  readonly isSaidOpen: (name: string) => boolean;
  readonly places: number;
  /** Runs a check; a violation ends the run. */
  readonly watch: (check: () => void) => void;
};

export class Breakers {
  readonly #options: BreakersOptions;
  #places: Place[] = [];
  readonly #idOf = new Map<number, string>();
  /** When the last assignment of a payment was decided on. */
  readonly #assignedAtMs = new Map<string, number>();
  readonly #sentAtMs = new WeakMap<ChargeSeen, number>();

  constructor(options: BreakersOptions) {
    this.#options = options;
  }

  onStart(): void {
    this.#assignedAtMs.clear();
    this.#places = Array.from({ length: this.#options.places }, () => ({
      closedSinceMs: null,
      failuresInARow: 0,
      succeededAtMs: Number.NEGATIVE_INFINITY,
      successes: 0,
      drops: 0,
      hasFailed: false,
    }));
  }

  onDecided(transition: Transition): void {
    const { kind } = transition;
    if (kind === "accept") this.#idOf.set(transition.seq, transition.correlationId);
    if (kind !== "assign" && (kind !== "accept" || transition.assignment === null)) return;
    const correlationId = this.#idOf.get(transition.seq);
    if (correlationId === undefined) return;
    // An id that is posted again has a further acceptance, which comes to nothing.
    if (kind === "accept" && this.#assignedAtMs.has(correlationId)) return;
    this.#assignedAtMs.set(correlationId, this.#options.time.nowMs);
  }

  onCharge(charge: ChargeSeen): void {
    this.#sentAtMs.set(charge, this.#options.time.nowMs);
  }

  /** Its health says that it fails. */
  onFailing(number: number): void {
    this.#places[number]!.hasFailed = true;
  }

  /** An answer is about to be told to the worker. */
  onAnswer(charge: ChargeSeen, status: number | string): void {
    const { time, settings, laneAt, isSaidOpen, watch } = this.#options;
    const lane = laneAt(charge.processor);
    const place = this.#places[charge.processor]!;
    const word = wordOf(charge, status);
    place.hasFailed ||= word !== "success" && word !== "none";
    if (lane === null) return;
    watch(() => look(time.nowMs, place, lane));
    const isFailure = this.#count(charge, place, word);
    const { successes, drops } = place;
    const before = { limit: lane.limit, kind: lane.breaker.kind, successes, drops };
    // A breaker is judged by a failure, and not by what comes after it.
    const isOver = isFailure && this.#isOver(place);
    time.after(0, () => {
      if (laneAt(charge.processor) !== lane) return;
      watch(() => {
        look(time.nowMs, place, lane);
        if (isOver && lane.breaker.kind === "closed") {
          const { failuresInARow } = place;
          throw new Violation(
            `R9: ${lane.name} has failed ${failuresInARow} times in a row and is closed`,
          );
        }
        const { kind } = lane.breaker;
        if (isSaidOpen(lane.name) !== (kind !== "closed"))
          throw new Violation(`R9: ${lane.name} is ${kind}, and its incident says otherwise`);
        const isSame = before.kind === lane.breaker.kind && before.successes === place.successes;
        // A limit that is drawn below its least is lifted there.
        const least = settings().bounds.tuning.limit?.min ?? LIMIT_DEFAULTS.min;
        const isRaised = lane.limit > Math.max(before.limit, least);
        if (status === "TIMEOUT" && isSame && isRaised)
          throw new Violation(`R9: ${lane.name} does not answer, and its limit rises`);
        const isOnlySuccess = before.drops === place.drops && word === "success";
        if (isOnlySuccess && before.kind === kind && lane.limit < before.limit)
          throw new Violation(`R9: ${lane.name} answers, and its limit falls`);
      });
    });
  }

  /** True when it is a failure that counts. */
  #count(charge: ChargeSeen, place: Place, word: Word): boolean {
    const { time } = this.#options;
    const assignedAtMs = this.#assignedAtMs.get(charge.correlationId) ?? Number.NEGATIVE_INFINITY;
    const admittedAtMs = Math.min(assignedAtMs, this.#sentAtMs.get(charge) ?? assignedAtMs);
    const isCurrent = place.closedSinceMs !== null && admittedAtMs > place.closedSinceMs;
    const isFailure = word === "failure" && isCurrent;
    if (isFailure) place.failuresInARow++;
    if (word === "success") place.successes++;
    else place.drops++;
    if (word === "failure" || word === "none") return isFailure;
    place.failuresInARow = 0;
    // An answer that is no clear failure may be a success: a payment that exists, a card that is declined.
    place.succeededAtMs = time.nowMs;
    return false;
  }

  #isOver({ failuresInARow, succeededAtMs }: Place): boolean {
    const { time, settings } = this.#options;
    const { consecutiveFailuresMax, successFreshMs } =
      settings().bounds.tuning.breaker ?? BREAKER_DEFAULTS;
    const isFresh = time.nowMs - succeededAtMs < successFreshMs;
    return failuresInARow >= consecutiveFailuresMax && !isFresh;
  }
}

/** Sees how its breaker is now. */
function look(nowMs: number, place: Place, { name, breaker }: Lane): void {
  const { hasFailed } = place;
  if (breaker.kind === "closed") place.closedSinceMs ??= nowMs;
  else {
    place.closedSinceMs = null;
    place.failuresInARow = 0;
    if (!hasFailed) throw new Violation(`R9: ${name} has not failed and is ${breaker.kind}`);
  }
}

type Word = "success" | "failure" | "none" | "other";

function wordOf({ outcome }: ChargeSeen, status: number | string): Word {
  if (status === OWN_FAULT) return "none";
  if (typeof status === "string" || status >= 500) return "failure";
  return status === 200 && outcome === "recorded" ? "success" : "other";
}
