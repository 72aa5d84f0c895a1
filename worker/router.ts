/**
 * Chooses where a payment goes: to the processor with the lowest fee that is expected to settle it
 * within its patience; to a dearer one when waiting would break a deadline, and not before.
 *
 * The router walks the processors from cheap to dear. The first that works and has room gets the
 * payment. A processor that is full or open is waited for, as long as no payment behind in the queue
 * would miss its deadline by it: a payment at position p that waits is settled by the cheaper
 * processors at now + latency + p / rate (never, while they are open or rest). If that is too late, the next
 * dearer processor takes over at the last moment at which it still can, together with the cheaper
 * ones: now + latency + ramp + p / (rate of both) + margin ≥ deadline, where ramp is the time in which
 * its limit grows to what it needs. The queue is ordered by deadline, so a few positions stand for all.
 * The margin is what a commit may take, since a call leaves once its assignment is durable.
 *
 * Cheap and dear is what this amount costs (router/orders.ts), and payments of one order wait in a line
 * of their own: one that waits for its cheapest holds up none whose cheapest has room.
 *
 * Processors that cost the same are one step of that walk: none of them is waited for while another has
 * room, and the payment goes to the processor that is expected to answer first, by how full each is.
 *
 * A payment that is late already is not sent to a processor that failed just now while another one
 * works, though the breaker of the first is still closed.
 *
 * An operator may have drained a processor: then it is as if it were not there, but for the payments
 * that are unknown there and have to be resolved. A processor whose address has moved gets nothing.
 *
 * A hedge (two processors at once, the first answer wins) is refused: it is a second charge on purpose.
 */
import type { RouterLane } from "./router/lane.ts";
import { Orders, type Order, type Tier as TierOf } from "./router/orders.ts";

export type { Order } from "./router/orders.ts";
export { RouterLane, type LaneReport } from "./router/lane.ts";
export type { Ticket } from "./router/breaker.ts";

export const ROUTER_DEFAULTS = {
  marginMsMax: 500,
  /** Share of a short patience that is given away as margin. */
  marginShare: 0.25,
  /** Longest wait of a payment that is late already for a cheaper processor that works again. */
  lateWaitMsMax: 3_000,
};
export type RouterOptions = Readonly<typeof ROUTER_DEFAULTS>;

/** Number of positions in the queue that stand for all of it. */
const POSITIONS = 16;

/** The payments of one order as the router needs them. */
export interface Waiting {
  readonly length: number;
  deadlineMsAt(position: number): number;
}

type Tier<L = RouterLane> = TierOf<L>;
type Slack = { readonly marginMs: number; readonly lateWaitMs: number };

export class Router<L extends RouterLane = RouterLane> {
  readonly orders: Orders<L>;
  readonly #lanes: readonly L[];
  readonly #slack: Slack;

  constructor(
    lanes: readonly L[],
    patienceMs: number,
    { marginMsMax, marginShare, lateWaitMsMax }: RouterOptions = ROUTER_DEFAULTS,
  ) {
    this.#lanes = lanes;
    this.orders = new Orders(lanes);
    this.#slack = {
      marginMs: Math.min(marginMsMax, patienceMs * marginShare),
      lateWaitMs: Math.min(lateWaitMsMax, patienceMs),
    };
  }

  /** Chooses the lane of the payment at the head of the line; null: it waits. */
  choose(nowMs: number, waiting: Waiting, { tiers }: Order<L>): L | null {
    const cheaper: L[] = [];
    const shuns = this.#shuns(nowMs, waiting);
    for (const all of tiers) {
      const tier = usableOf(nowMs, all, shuns);
      if (tier.length === 0) continue;
      if (cheaper.length > 0 && !isDue(nowMs, waiting, cheaper, tier, this.#slack)) return null;
      const lane = takerOf(nowMs, tier);
      // No other payment waits that could be the trial which a cheaper lane is invited to.
      if (lane !== null) return (waiting.length === 1 && invitedOf(nowMs, cheaper)) || lane;
      cheaper.push(...tier);
    }
    return null;
  }

  /**
   * Finds the lane that should be tried although its breaker is open, if a trial is due: the cheapest,
   * or a dearer one once payments need it. `needed` tells which payment to risk: the oldest, which
   * needs the lane, or for the cheapest lane the payment that can wait the longest.
   */
  trialLane(
    nowMs: number,
    waiting: Waiting,
    { tiers }: Order<L>,
  ): { lane: L; needed: boolean } | null {
    const cheaper: L[] = [];
    for (const all of tiers) {
      const tier = usableOf(nowMs, all, false);
      if (tier.length === 0) continue;
      const needed = cheaper.length > 0;
      if (!isDue(nowMs, waiting, cheaper, tier, this.#slack)) return null;
      if (tier.some((lane) => lane.takes(nowMs))) return null;
      const lane = tier.find((one) => one.admitsTrial(nowMs));
      if (lane !== undefined) return { lane, needed };
      cheaper.push(...tier);
    }
    return null;
  }

  /** True when the payment at the head avoids lanes in doubt: it is late, and another lane works. */
  #shuns(nowMs: number, waiting: Waiting): boolean {
    if (waiting.deadlineMsAt(0) > nowMs) return false;
    if (!this.#lanes.some((lane) => lane.isInDoubt(nowMs))) return false;
    return awakeOf(nowMs, this.#lanes).some((lane) => lane.takesPayments && !lane.isInDoubt(nowMs));
  }
}

function usableOf<L extends RouterLane>(nowMs: number, tier: Tier<L>, shuns: boolean): Tier<L> {
  const isUsable = (lane: L) => lane.takesPayments && !(shuns && lane.isInDoubt(nowMs));
  return tier.every(isUsable) ? tier : tier.filter(isUsable);
}

/** Finds the lane of a tier that gets the payment; null when none has room. */
function takerOf<L extends RouterLane>(nowMs: number, tier: Tier<L>): L | null {
  if (tier.length === 1) return tier[0]!.takes(nowMs) ? tier[0]! : null;
  let taker: L | null = null;
  for (const lane of tier) {
    if (!lane.takes(nowMs)) continue;
    if (taker === null || isBefore(nowMs, lane, taker)) taker = lane;
  }
  if (taker === null) return null;
  // No payment waits for an open lane beside these, and so none would be its trial.
  return invitedOf(nowMs, tier) ?? taker;
}

/** Finds an open lane that is to be tried with a payment which needs no trial. */
function invitedOf<L extends RouterLane>(nowMs: number, lanes: Tier<L>): L | null {
  return lanes.find((lane) => lane.isInvited(nowMs) && lane.restMs(nowMs) === 0) ?? null;
}

function isBefore(nowMs: number, lane: RouterLane, other: RouterLane): boolean {
  const doubted = lane.isInDoubt(nowMs);
  if (doubted !== other.isInDoubt(nowMs)) return !doubted;
  return lane.loadMs < other.loadMs;
}

/** True when a tier has to start now so that nobody in the queue misses the deadline. */
export function isDue(
  nowMs: number,
  waiting: Waiting,
  cheaper: Tier,
  tier: Tier,
  { marginMs, lateWaitMs }: Slack,
): boolean {
  if (cheaper.length === 0) return true;
  const awake = awakeOf(nowMs, cheaper);
  const cheaperRate = rateOf(awake);
  const cheaperLatencyMs = latencyOf(awake);
  const settlesLastMs = cheaperLatencyMs + (waiting.length - 1) / cheaperRate + marginMs;
  const firstLeftMs = waiting.deadlineMsAt(0) - nowMs;
  // The cheaper ones will settle even the last payment before the deadline of the first.
  if (cheaperRate > 0 && firstLeftMs > 0 && settlesLastMs <= firstLeftMs) return false;
  const starters = startersOf(nowMs, tier);
  const bothRate = cheaperRate + rateOf(starters);
  for (let i = 0; i <= POSITIONS; i++) {
    const position = Math.floor(((waiting.length - 1) * i) / POSITIONS);
    const leftMs = waiting.deadlineMsAt(position) - nowMs;
    // A payment that is late already, after an outage of all, may as well wait for the cheaper lane that is full; for
    // one that rests it would wait once more each time that it turns calls away.
    const allowedMs = leftMs > 0 ? leftMs : lateWaitMs;
    const inTimeCheaper =
      cheaperRate > 0 && cheaperLatencyMs + position / cheaperRate + marginMs <= allowedMs;
    if (inTimeCheaper) continue;
    if (settlesInMs(nowMs, starters, position, bothRate) + marginMs >= leftMs) return true;
  }
  return false;
}

/** Keeps the lanes that work and do not rest: one that rests may turn calls away again, so nobody counts on it. */
function awakeOf(nowMs: number, lanes: Tier): Tier {
  const isAwake = (lane: RouterLane) => lane.working && lane.restMs(nowMs) === 0;
  return lanes.every(isAwake) ? lanes : lanes.filter(isAwake);
}

/**
 * The longest of them; below every number when there is none. A lane that is waited for is full, and frees
 * a place in no less than a millisecond, though its health may say 0.
 */
function latencyOf(lanes: Tier): number {
  let mostMs = Number.NEGATIVE_INFINITY;
  for (const { latencyMs } of lanes) mostMs = Math.max(mostMs, latencyMs, 1);
  return mostMs;
}

function rateOf(lanes: Tier): number {
  let sum = 0;
  for (const lane of lanes) sum += lane.ratePerMs;
  return sum;
}

/** Keeps the lanes of a tier that take payments now; else those that work, else all of them. */
function startersOf(nowMs: number, tier: Tier): Tier {
  if (tier.length === 1) return tier;
  const awake = awakeOf(nowMs, tier);
  if (awake.length > 0) return awake;
  const working = tier.filter((lane) => lane.working);
  return working.length > 0 ? working : tier;
}

/** Time in which the quickest of the lanes settles the payment. */
function settlesInMs(nowMs: number, starters: Tier, position: number, ratePerMs: number): number {
  let leastMs = Number.POSITIVE_INFINITY;
  for (const lane of starters) {
    leastMs = Math.min(leastMs, lane.restMs(nowMs) + lane.settlesInMs(position, ratePerMs));
  }
  return leastMs;
}
