/**
 * Times the choice of where the next payment goes. With a lane that has room, the twin is the
 * plainest rule there is (the first working one with room); with the cheap lane full and a long
 * queue, the twin asks for every waiting payment whether it would miss its deadline.
 */
import { shareOf } from "../../shared/tariff.ts";
import { isDue, Router, RouterLane, type Waiting } from "../../worker/router.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { compare } from "../compare.ts";

export const name = "micro/router";

const BATCH = 64;
const PROCESSORS = [
  { name: "default", fee: shareOf(0.05) },
  { name: "fallback", fee: shareOf(0.15) },
];
const AMOUNT_CENTS = 19_90;
const PATIENCE_MS = 15_000;
const MARGIN_MS = 500;
const SLACK = { marginMs: MARGIN_MS, lateWaitMs: 3_000 };

export function run(context: BenchContext): Row[] {
  return [withRoom(context), full(context)];
}

function withRoom(context: BenchContext): Row {
  const { router, lanes } = newRouter();
  const order = router.orders.of(AMOUNT_CENTS);
  const waiting = waitingOf(1, 10_000);
  const naive = () => lanes.find((lane) => lane.hasRoom);
  const checks = new Checks();
  checks.equal("the lane", router.choose(0, waiting, order)?.name, naive()?.name);
  const series = compare(context, {
    batch: BATCH,
    ours: times(() => router.choose(0, waiting, order)),
    naive: times(naive),
  });
  return rowOf("router: choose, room", "ns", series, checks, "against the first lane with room");
}

function full(context: BenchContext): Row {
  const { router, lanes } = newRouter();
  const order = router.orders.of(AMOUNT_CENTS);
  const [cheap, dear] = lanes as [RouterLane, RouterLane];
  while (cheap.hasRoom) cheap.admit(0);
  const length = context.quick ? 100 : 10_000;
  const checks = new Checks();
  for (const lastDeadlineMs of [100, 400, 700, 1_000, 5_000, 20_000, 60_000]) {
    const waiting = waitingOf(length, lastDeadlineMs);
    const due = everyoneIsAsked(0, waiting, cheap, dear);
    const ours = router.choose(0, waiting, order) !== null;
    checks.equal(`deadlines up to ${lastDeadlineMs} ms`, ours, due);
    checks.equal("isDue says the same", isDue(0, waiting, [cheap], [dear], SLACK), due);
  }
  const waiting = waitingOf(length, 60_000);
  const series = compare(context, {
    batch: 1,
    ours: () => router.choose(0, waiting, order),
    naive: () => everyoneIsAsked(0, waiting, cheap, dear),
  });
  const note = `${length} wait; against asking for every one`;
  return rowOf("router: choose, full", "ns", series, checks, note);
}

/** Applies the rule of the router's header to every position and not to a few. */
function everyoneIsAsked(
  nowMs: number,
  waiting: Waiting,
  cheap: RouterLane,
  dear: RouterLane,
): boolean {
  const bothRate = cheap.ratePerMs + dear.ratePerMs;
  for (let position = 0; position < waiting.length; position++) {
    const leftMs = waiting.deadlineMsAt(position) - nowMs;
    if (cheap.latencyMs + position / cheap.ratePerMs + MARGIN_MS <= leftMs) continue;
    if (dear.settlesInMs(position, bothRate) + MARGIN_MS >= leftMs) return true;
  }
  return false;
}

/** Makes a router with lanes from cheap to dear. */
function newRouter() {
  const lanes = PROCESSORS.map(
    (processor) => new RouterLane(0, { ...processor, inFlightMax: 640 }),
  );
  return { router: new Router(lanes, PATIENCE_MS), lanes };
}

/** Makes deadlines that grow along the queue, up to that of the last. */
function waitingOf(length: number, lastDeadlineMs: number): Waiting {
  const deadlines = Float64Array.from(
    { length },
    (_, at) => 600 + (lastDeadlineMs * (at + 1)) / length,
  );
  return { length, deadlineMsAt: (position) => deadlines[position] as number };
}

function times(operation: () => unknown): () => unknown {
  return () => {
    let last: unknown;
    for (let i = 0; i < BATCH; i++) last = operation();
    return last;
  };
}
