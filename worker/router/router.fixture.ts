/** Makes routers in the states that tests want, and queues before them. */
import { shareOf, type Tariff } from "../../shared/tariff.ts";
import { Router, RouterLane, type LaneReport, type Ticket, type Waiting } from "../router.ts";

export const CONTEST = [
  { name: "default", fee: shareOf(0.05) },
  { name: "fallback", fee: shareOf(0.15) },
];
/** Amount of a payment whose amount does not matter. */
const AMOUNT_CENTS = 100_00;
export const MARGIN_MS = 500;
export const NOW_MS = 100_000;
export const OPEN_MS = NOW_MS - 1_000;
export const SLACK = { marginMs: MARGIN_MS, lateWaitMs: 3_000 };

export function routerOf(
  processors: readonly { name: string; fee: Tariff }[] = CONTEST,
  { inFlightMax = 640, patienceMs = 15_000 } = {},
): NumberedRouter {
  const lanes = processors.map((processor) => new RouterLane(0, { ...processor, inFlightMax }));
  return new NumberedRouter(lanes, patienceMs);
}

/** Its lanes go by their place in the configuration. */
export class NumberedRouter extends Router {
  readonly lanes: readonly RouterLane[];

  constructor(lanes: readonly RouterLane[], patienceMs: number) {
    super(lanes, patienceMs);
    this.lanes = lanes;
  }

  lane(number: number): RouterLane {
    return this.lanes[number] as RouterLane;
  }
  admit(nowMs: number, lane: number): Ticket {
    return this.lane(lane).admit(nowMs);
  }
  record(nowMs: number, lane: number, ticket: Ticket, report: LaneReport): void {
    this.lane(lane).record(nowMs, ticket, report);
  }
  pick(nowMs: number, queue: Waiting, amountCents = AMOUNT_CENTS): RouterLane | null {
    return this.choose(nowMs, queue, this.orders.of(amountCents));
  }
  /** Number of the lane that is tried. */
  trial(nowMs: number, queue: Waiting, amountCents = AMOUNT_CENTS) {
    const trial = this.trialLane(nowMs, queue, this.orders.of(amountCents));
    return trial && { lane: this.lanes.indexOf(trial.lane), needed: trial.needed };
  }
}

export const failed = { signal: "failure", latencyMs: 5, dropped: false, cause: "500" } as const;
export const answered = (latencyMs: number) =>
  ({ signal: "success", latencyMs, dropped: false, cause: "200" }) as const;

/** Opens it a second ago: payments that wait may be its trials, and no other is. */
export function open(router: NumberedRouter, lane: number): void {
  for (let i = 0; i < 5; i++) router.record(OPEN_MS, lane, router.admit(OPEN_MS, lane), failed);
}

export function halfOpen(router: NumberedRouter, lane: number): void {
  open(router, lane);
  router.record(OPEN_MS, lane, router.admit(OPEN_MS, lane), answered(router.lane(lane).latencyMs));
}

export function fill(router: NumberedRouter, lane: number): Ticket[] {
  const tickets: Ticket[] = [];
  while (router.lane(lane).hasRoom) tickets.push(router.admit(0, lane));
  return tickets;
}

export function latency(router: NumberedRouter, lane: number, latencyMs: number): void {
  router.lane(lane).recordHealth(0, { failing: false, minResponseTimeMs: latencyMs });
}

/** Queue of so many payments, the first with so much time left, the others `spacingMs` apart. */
export function waiting(length: number, leftMs: number, spacingMs = 0): Waiting {
  return { length, deadlineMsAt: (position) => NOW_MS + leftMs + position * spacingMs };
}

export const chosen = (router: NumberedRouter, queue: Waiting) =>
  router.pick(NOW_MS, queue)?.name ?? "wait";
