/** Steps of which drills are made: a start, a payment, a decision by hand, and time. */
import type { OperatorAnswer, PaymentAction } from "../../../worker/intervention.ts";
import { PAYMENT_STATES, type PaymentState } from "../../../worker/transitions.ts";
import { answerTo } from "../alarms.ts";
import type { Settings } from "../settings.ts";
import type { Scene } from "../scene.ts";
import { Violation } from "../violation.ts";

/** Longest time in which a start is over. */
const START_MS_MAX = 5_000;

export type Drill = {
  readonly world: Scene;
  /** Ends the run early. */
  readonly isOver: () => boolean;
};

/** Starts the worker anew, and waits until it is up. */
export function restart({ world, isOver }: Drill, settings: Partial<Settings> = {}): void {
  const { gateway, time } = world;
  gateway.configure(settings);
  gateway.crash();
  world.startGateway();
  time.run(time.nowMs + START_MS_MAX, () => isOver() || gateway.up);
  if (!gateway.up && !isOver())
    throw new Violation("G5: all is well, and the worker does not start");
}

/** Lets time pass. */
export function pass({ world: { time }, isOver }: Drill, ms: number): void {
  time.run(time.nowMs + ms, isOver);
}

/** Posts a payment as a shop does that insists, and gives its id. */
export function post({ world }: Drill, cents: number): string {
  const correlationId = world.drill.uuid();
  world.repost(correlationId, cents);
  return correlationId;
}

export function stateOf({ world }: Drill, correlationId: string): PaymentState | null {
  const payment = world.disk.payment(correlationId);
  return payment === undefined ? null : PAYMENT_STATES[payment.state]!;
}

/** Decides about a payment, and gives the answer. */
export function decideOn(
  { world, isOver }: Drill,
  action: PaymentAction,
  correlationId: string,
  unasked = false,
): OperatorAnswer {
  const payment = world.disk.payment(correlationId);
  if (payment === undefined) throw new Violation(`I7: ${correlationId} is not in the journal`);
  const grounds = { who: "somebody", why: "a drill", evidence: "the world" };
  const state = PAYMENT_STATES[payment.state]!;
  const of = { kind: "payment", action, seq: payment.seq, correlationId, state } as const;
  const answer = answerTo(world, { ...of, grounds, unasked }, isOver);
  world.note(`drill: ${action} ${correlationId}: ${JSON.stringify(answer)}`);
  if (answer !== null) return answer;
  throw new Violation(`R21: nobody answers to ${action} ${correlationId}`);
}
