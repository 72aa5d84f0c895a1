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
  readonly #slack: Slack;

  constructor(nowMs: number, { processors, inFlightMax, patienceMs }: RouterOptions) {
    this.lanes = processors.map(({ name, fee }) => new Lane(nowMs, { name, fee, inFlightMax }));
    this.byFee = this.lanes
      .map((_, number) => number)
      .sort((a, b) => this.lane(a).fee - this.lane(b).fee);
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
    for (const number of this.byFee) {
      const lane = this.lane(number);
      if (!lane.takesPayments) continue;
      if (!isDue(nowMs, waiting, cheaper, lane, this.#slack)) {
        return { kind: "wait", why: `${cheaper.at(-1)?.name} is expected in time` };
      }
      if (lane.takes(nowMs))
        return { kind: "send", lane: number, why: reason(nowMs, lane, cheaper) };
      cheaper.push(lane);
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
    for (const number of this.byFee) {
      const lane = this.lane(number);
      if (!lane.takesPayments) continue;
      const needed = cheaper.length > 0;
      if (!isDue(nowMs, waiting, cheaper, lane, this.#slack)) return null;
      if (lane.takes(nowMs)) return null;
      if (lane.admitsTrial(nowMs)) return { lane: number, needed };
      cheaper.push(lane);
    }
    return null;
  }

  admit(nowMs: number, lane: number): Ticket {
    return this.lane(lane).admit(nowMs);
  }

  record(nowMs: number, lane: number, ticket: Ticket, report: LaneReport): boolean {
    return this.lane(lane).record(nowMs, ticket, report);
  }
}

/** True when `lane` has to start now so that nobody in the queue misses the deadline. */
export function isDue(
  nowMs: number,
  waiting: Waiting,
  cheaper: readonly Lane[],
  lane: Lane,
  { marginMs, lateWaitMs }: Slack,
): boolean {
  if (cheaper.length === 0) return true;
  const { restMs, lanes } = soonest(nowMs, cheaper);
  const cheaperRate = lanes.reduce((sum, { ratePerMs }) => sum + ratePerMs, 0);
  const cheaperLatencyMs = restMs + Math.max(...lanes.map(({ latencyMs }) => latencyMs));
  const bothRate = cheaperRate + lane.ratePerMs;
  for (let i = 0; i <= POSITIONS; i++) {
    const position = Math.floor(((waiting.length - 1) * i) / POSITIONS);
    const leftMs = waiting.deadlineMsAt(position) - nowMs;
    // One that is late already, after an outage of all, may as well wait a moment for the cheaper one.
    const allowedMs = leftMs > 0 ? leftMs : lateWaitMs;
    const inTimeCheaper =
      cheaperRate > 0 && cheaperLatencyMs + position / cheaperRate + marginMs <= allowedMs;
    if (inTimeCheaper) continue;
    const settlesInMs = lane.restMs(nowMs) + lane.settlesInMs(position, bothRate);
    if (settlesInMs + marginMs >= leftMs) return true;
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

function reason(nowMs: number, lane: Lane, cheaper: readonly Lane[]): string {
  if (cheaper.length === 0) return `${lane.name} is the cheapest and has room`;
  const others = cheaper
    .map(
      (other) => `${other.name} ${other.restMs(nowMs) > 0 ? "rests" : `is ${other.breaker.kind}`}`,
    )
    .join(", ");
  return `waiting would break a deadline: ${others}`;
}
