/**
 * Drills behind the trouble, when all is well: the world knows everything then, so that what the worker does can be
 * judged from both sides. Each starts the worker anew, with settings of its own.
 */
import type { Drill } from "./drills/drill.ts";
import { drillCopy } from "./drills/copy.ts";
import { drillHands } from "./drills/hands.ts";
import { drillHealth } from "./drills/health.ts";
import { drillMove } from "./drills/move.ts";
import { drillPace } from "./drills/pace.ts";
import { drillShards } from "./drills/shards.ts";
import { drillWeather } from "./drills/weather.ts";
import { checkRecovery } from "./recovery.ts";
import type { Scene } from "./scene.ts";
import { Violation } from "./violation.ts";

/** Longest time in which a payment that waits for a further try gets it. */
const SETTLE_MS_MAX = 60_000;

/** `isOver` ends the run early. */
export function runDrills(world: Scene, isOver: () => boolean): void {
  const { plan } = world;
  // Names and wires differ where addresses are exchanged, and of other kinds the world knows less.
  if (plan.exchanges > 0 || plan.kinds.length > 0) return;
  const drills = [
    drillHands,
    drillMove,
    drillHealth,
    drillWeather,
    drillWeather,
    drillWayBack,
    drillPace,
    drillShards,
    drillCopy,
  ];
  world.isDrilling = true;
  for (const wire of world.wires) wire.isHidden = false;
  for (const drill of drills) {
    if (!isOver()) drill({ world, isOver });
    if (!isOver()) awaitEnd({ world, isOver });
  }
}

/** Payments go to the cheapest again. */
function drillWayBack({ world, isOver }: Drill): void {
  checkRecovery(world, isOver);
}

function awaitEnd({ world, isOver }: Drill): void {
  const { time, gateway } = world;
  time.run(time.nowMs + SETTLE_MS_MAX, () => isOver() || gateway.openCount === 0);
  if (gateway.openCount !== 0 && !isOver())
    throw new Violation("G3: payments are open after a drill");
}
