/**
 * Where a payment goes: to the processor with the lowest fee that is expected to settle it within its
 * patience; to a dearer one when waiting would break a deadline, and not before.
 *
 * Walk the processors from cheap to dear. One that works and has room gets the payment. One that is
 * full or open is waited for, as long as nobody behind in the queue would miss the deadline by it:
 * for a payment at position p, waiting means to be settled by the cheaper processors at
 * now + latency + p / rate (never, while they are open). If that is too late, the next dearer
 * processor takes over at the last moment at which it still can, together with the cheaper ones:
 * now + latency + ramp + p / (rate of both) + margin ≥ deadline, where ramp is the time in which its
 * limit grows to what it needs. The queue is ordered by deadline, so a few positions stand for all.
 *
 * Processors of the same fee are one step of that walk: none of them is waited for while another has
 * room, and the payment goes to the one that is expected to answer first, by how full each is.
 *
 * A payment that is late already is not sent to a processor that failed just now while another one
 * works, though the breaker of the first is still closed.
 *
 * An operator may have drained a processor: then it is as if it were not there, but for the payments
 * that are unknown there and have to be resolved. One whose address has moved gets nothing at all.
 *
 * A hedge (two processors at once, the first answer wins) is refused: it is a second charge on purpose.
 */
import { Lane, type LaneReport } from "./router/lane.ts";
import type { Ticket } from "./router/breaker.ts";

export { Lane, type LaneReport } from "./router/lane.ts";
export type { Ticket } from "./router/breaker.ts";

const MARGIN_MS_MAX = 500;
/** Of a short patience only this part is given away as margin. */
const MARGIN_SHARE = 0.25;
const POSITIONS = 16;
/** What a payment that is late already waits for a cheaper processor that works again. */
const LATE_WAIT_MS_MAX = 3_000;

/** The queue as the router needs it: how long it is, and the deadline at a position. */
export interface Waiting {
  readonly length: number;
  deadlineMsAt(position: number): number;
}

export type Decision =
  | { readonly kind: "send"; readonly lane: number; readonly why: string }
  | { readonly kind: "wait"; readonly why: string };

/** Lanes of the same fee. */
type Tier = readonly Lane[];
type Slack = { readonly marginMs: number; readonly lateWaitMs: number };

export type RouterOptions = {
  readonly processors: readonly { readonly name: string; readonly fee: number }[];
  readonly inFlightMax: number;
  readonly patienceMs: number;
};

export class Router {
  /** As configured; numbers of lanes are indices into this. */
  readonly lanes: readonly Lane[];
  /** Numbers of lanes, cheapest first. */
  readonly byFee: readonly number[];
  /** Cheapest first. */
  readonly #tiers: readonly Tier[];
  readonly #slack: Slack;
  /** Until then a lane is in doubt. */
  #doubtUntilMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: number, { processors, inFlightMax, patienceMs }: RouterOptions) {
    this.lanes = processors.map(({ name, fee }) => new Lane(nowMs, { name, fee, inFlightMax }));
    this.byFee = this.lanes
      .map((_, number) => number)
      .sort((a, b) => this.lane(a).fee - this.lane(b).fee);
    this.#tiers = tiersOf(this.byFee.map((number) => this.lane(number)));
    this.#slack = {
      marginMs: Math.min(MARGIN_MS_MAX, patienceMs * MARGIN_SHARE),
      lateWaitMs: Math.min(LATE_WAIT_MS_MAX, patienceMs),
    };
  }

  lane(number: number): Lane {
    return this.lanes[number] as Lane;
  }

  /** Where the payment at the head of the queue goes now. */
  choose(nowMs: number, waiting: Waiting): Decision {
    const cheaper: Lane[] = [];
    const shuns = this.#shuns(nowMs, waiting);
    for (const all of this.#tiers) {
      const tier = usableOf(nowMs, all, shuns);
      if (tier.length === 0) continue;
      if (cheaper.length > 0 && !isDue(nowMs, waiting, cheaper, tier, this.#slack)) {
        return { kind: "wait", why: `${cheaper.at(-1)?.name} is expected in time` };
      }
      const lane = takerOf(nowMs, tier);
      if (lane !== null)
        return { kind: "send", lane: this.#numberOf(lane), why: reason(nowMs, lane, cheaper) };
      cheaper.push(...tier);
    }
    return { kind: "wait", why: "no processor takes a payment at the moment" };
  }

  /**
   * The lane that should be tried although its breaker is open, if one is due: the cheapest, or a
   * dearer one once payments need it. `needed` tells which payment to risk: the one that needs the
   * lane is the oldest, while for the cheapest lane it is the one that can wait the longest.
   */
  trialLane(nowMs: number, waiting: Waiting): { lane: number; needed: boolean } | null {
    const cheaper: Lane[] = [];
    for (const all of this.#tiers) {
      const tier = usableOf(nowMs, all, false);
      if (tier.length === 0) continue;
      const needed = cheaper.length > 0;
      if (!isDue(nowMs, waiting, cheaper, tier, this.#slack)) return null;
      if (tier.some((lane) => lane.takes(nowMs))) return null;
      const lane = tier.find((one) => one.admitsTrial(nowMs));
      if (lane !== undefined) return { lane: this.#numberOf(lane), needed };
      cheaper.push(...tier);
    }
    return null;
  }

  admit(nowMs: number, lane: number): Ticket {
    return this.lane(lane).admit(nowMs);
  }

  record(nowMs: number, lane: number, ticket: Ticket, report: LaneReport): boolean {
    const changed = this.lane(lane).record(nowMs, ticket, report);
    this.#doubtUntilMs = Math.max(this.#doubtUntilMs, this.lane(lane).doubtUntilMs);
    return changed;
  }

  /** Whether the payment at the head avoids lanes in doubt: it is late, and one without doubt works. */
  #shuns(nowMs: number, waiting: Waiting): boolean {
    if (nowMs >= this.#doubtUntilMs || waiting.deadlineMsAt(0) > nowMs) return false;
    return this.lanes.some((lane) => lane.takesPayments && lane.working && !lane.isInDoubt(nowMs));
  }

  #numberOf(lane: Lane): number {
    return this.lanes.indexOf(lane);
  }
}

function tiersOf(byFee: readonly Lane[]): Tier[] {
  const fees = [...new Set(byFee.map(({ fee }) => fee))];
  return fees.map((fee) => byFee.filter((lane) => lane.fee === fee));
}

function usableOf(nowMs: number, tier: Tier, shuns: boolean): Tier {
  if (!shuns && tier.length === 1 && tier[0]!.takesPayments) return tier;
  for (const lane of tier) {
    if (lane.takesPayments && !shuns) continue;
    return tier.filter((one) => one.takesPayments && !(shuns && one.isInDoubt(nowMs)));
  }
  return tier;
}

/** Who of a tier gets the payment; null when none has room. */
function takerOf(nowMs: number, tier: Tier): Lane | null {
  if (tier.length === 1) return tier[0]!.takes(nowMs) ? tier[0]! : null;
  let taker: Lane | null = null;
  for (const lane of tier) {
    if (!lane.takes(nowMs)) continue;
    if (taker === null || isBefore(nowMs, lane, taker)) taker = lane;
  }
  if (taker === null) return null;
  // Nobody waits for one that is open beside them, so only its health probe can bring it back.
  return tier.find((lane) => lane.isInvited && lane.restMs(nowMs) === 0) ?? taker;
}

function isBefore(nowMs: number, lane: Lane, other: Lane): boolean {
  const doubted = lane.isInDoubt(nowMs);
  if (doubted !== other.isInDoubt(nowMs)) return !doubted;
  return lane.loadMs < other.loadMs;
}

/** True when a tier has to start now so that nobody in the queue misses the deadline. */
export function isDue(
  nowMs: number,
  waiting: Waiting,
  cheaper: readonly Lane[],
  tier: readonly Lane[],
  { marginMs, lateWaitMs }: Slack,
): boolean {
  if (cheaper.length === 0) return true;
  const { restMs, lanes } = soonest(nowMs, cheaper);
  const cheaperRate = rateOf(lanes);
  const cheaperLatencyMs = restMs + Math.max(...lanes.map(({ latencyMs }) => latencyMs));
  const bothRate = cheaperRate + rateOf(tier);
  const starters = startersOf(tier);
  for (let i = 0; i <= POSITIONS; i++) {
    const position = Math.floor(((waiting.length - 1) * i) / POSITIONS);
    const leftMs = waiting.deadlineMsAt(position) - nowMs;
    // One that is late already, after an outage of all, may as well wait a moment for the cheaper one.
    const allowedMs = leftMs > 0 ? leftMs : lateWaitMs;
    const inTimeCheaper =
      cheaperRate > 0 && cheaperLatencyMs + position / cheaperRate + marginMs <= allowedMs;
    if (inTimeCheaper) continue;
    if (settlesInMs(nowMs, starters, position, bothRate) + marginMs >= leftMs) return true;
  }
  return false;
}

/** Those that work, and of them those that take payments now; or, all at rest, when the first will. */
function soonest(nowMs: number, cheaper: readonly Lane[]): { restMs: number; lanes: Lane[] } {
  const working = cheaper.filter((lane) => lane.working);
  const awake = working.filter((lane) => lane.restMs(nowMs) === 0);
  if (awake.length > 0 || working.length === 0) return { restMs: 0, lanes: awake };
  return { restMs: Math.min(...working.map((lane) => lane.restMs(nowMs))), lanes: working };
}

function rateOf(lanes: readonly Lane[]): number {
  let sum = 0;
  for (const lane of lanes) sum += lane.ratePerMs;
  return sum;
}

/** Those of a tier that work; if none does, all. */
function startersOf(tier: Tier): Tier {
  if (tier.length === 1) return tier;
  const working = tier.filter((lane) => lane.working);
  return working.length > 0 ? working : tier;
}

/** By the quickest of them. */
function settlesInMs(nowMs: number, starters: Tier, position: number, ratePerMs: number): number {
  let leastMs = Number.POSITIVE_INFINITY;
  for (const lane of starters) {
    leastMs = Math.min(leastMs, lane.restMs(nowMs) + lane.settlesInMs(position, ratePerMs));
  }
  return leastMs;
}

function reason(nowMs: number, lane: Lane, cheaper: readonly Lane[]): string {
  if (lane.isInvited) return `${lane.name} is said to work again`;
  if (cheaper.length === 0) return `${lane.name} is the cheapest and has room`;
  const others = cheaper
    .map(
      (other) => `${other.name} ${other.restMs(nowMs) > 0 ? "rests" : `is ${other.breaker.kind}`}`,
    )
    .join(", ");
  return `waiting would break a deadline: ${others}`;
}
