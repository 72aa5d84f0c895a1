/**
 * The way back, some time after all is well:
 *
 *   R10  payments go to the cheapest processor again, and each is settled there at once
 *
 * A few payments, one after the other, are what a recovery may cost: they are the trials of those that were
 * down. What comes after them is judged.
 */
import { PACE_DEFAULTS } from "../../worker/pipeline/pace.ts";
import { naiveFee } from "./fees.ts";
import type { Scene } from "./scene.ts";
import { Violation } from "./violation.ts";

const PAYMENTS = 8;
const TRIALS_MAX = 5;
const EVERY_MS = 1_000;
/** Longest time from a payment's arrival to its processor's record: ways, commits, and a turn that waits. */
const RECORDED_WITHIN_MS = 250;
/** Amounts that no stand-in for Stripe declines are multiples of it. */
const CENTS = 16;

/** `isOver` ends the run early. */
export function checkRecovery(world: Scene, isOver: () => boolean): void {
  const { plan, time, glance } = world;
  // Where addresses are exchanged names and wires differ, and a copy has payments that nobody asked for.
  if (plan.exchanges > 0 || plan.restores > 0) return;
  for (let i = 0; i < PAYMENTS && !isOver(); i++) {
    const correlationId = glance.uuid();
    const cents = CENTS * glance.between(1, 5_000);
    world.repost(correlationId, cents);
    time.run(time.nowMs + RECORDED_WITHIN_MS, isOver);
    if (i >= TRIALS_MAX && !isOver()) checkOne(world, correlationId, cents);
    time.run(time.nowMs + EVERY_MS - RECORDED_WITHIN_MS, isOver);
  }
}

function checkOne({ plan, models, processors, gateway }: Scene, id: string, cents: number): void {
  const { inForce } = gateway.parts!;
  const at = models.findIndex(({ records }) => records.get(id) !== undefined);
  const { perMsMin, perMsStart } = plan.bounds.tuning.pace ?? PACE_DEFAULTS;
  if (at === -1 && Math.min(perMsMin, perMsStart) < 1) return;
  if (at === -1) throw new Violation(`R10: all is well, and ${id} is recorded nowhere`);
  const feeAt = (place: number) => naiveFee(inForce[place]!, cents);
  const cheaper = processors.findIndex((_, place) => feeAt(place) < feeAt(at));
  if (cheaper === -1) return;
  const [there, other] = [processors[at]!.name, processors[cheaper]!.name];
  throw new Violation(
    `R10: all is well, and ${id} goes to ${there}, which is dearer than ${other}`,
  );
}
