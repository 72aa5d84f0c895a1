/**
 * Payments wait while others come in, and the pace at which those that wait are started is as low as it may be:
 *
 *   R31  what waits is started faster than others come in, so that it ends
 *
 * The constants of the pace are a hundredth of production's, so that a hundredth of its payments will do.
 */
import { PACE_DEFAULTS } from "../../../worker/pipeline/pace.ts";
import { USUAL } from "../bounds.ts";
import { pass, post, restart, type Drill } from "./drill.ts";
import { Violation } from "../violation.ts";

const PACE = {
  ...PACE_DEFAULTS,
  perMsStart: 0.001,
  perMsMin: 0.001,
  burstMs: 1_000,
  rateMs: 1_000,
  quietMs: 1_000,
};
const WAITING = 12;
const EVERY_MS = 100;
/** Time in which the rate of what comes in is counted, and then for what waits. */
const BEGIN_MS = 2_500;
const END_MS = 3_000;
const REST_S = 1;
const CENTS = 1_600;

export function drillPace(drill: Drill): void {
  const { world, isOver } = drill;
  // It takes many payments.
  if (world.drill.happens(2 / 3)) return;
  const { processors, isShuffled, ledgerSlots } = world.plan.bounds;
  const bounds = { ...USUAL, processors, isShuffled, ledgerSlots, tuning: { pace: PACE } };
  restart(drill, { patienceMs: 0, bounds });
  for (let ms = 0; ms < BEGIN_MS + END_MS; ms += EVERY_MS)
    world.time.after(ms, () => post(drill, CENTS));
  pass(drill, BEGIN_MS - REST_S * 1_000);
  for (const wire of world.wires) wire.turnsAwayS = REST_S;
  for (let i = 0; i < WAITING; i++) post(drill, CENTS);
  pass(drill, EVERY_MS);
  for (const wire of world.wires) wire.turnsAwayS = null;
  pass(drill, REST_S * 1_000 + END_MS - EVERY_MS);
  if (isOver()) return;
  const { length } = world.gateway.parts!.pipeline.queue;
  if (length > 1) throw new Violation(`R31: ${length} payments wait while others come in`);
}
