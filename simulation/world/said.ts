/** Judges, when everything is settled, all that the gateway says of itself. */
import { checkAlarms } from "./alarms.ts";
import { checkAudit } from "./auditing.ts";
import { checkSources } from "./carried.ts";
import { checkCounters } from "./recounts.ts";
import type { Scene } from "./scene.ts";

/** Time after which the last settlement is committed and metered, and every API has asked for an answer. */
const QUIET_MS = 3_000;

export function checkSaid(world: Scene, isOver: () => boolean): void {
  world.time.run(world.time.nowMs + QUIET_MS, isOver);
  checkCounters(world);
  checkAlarms(world);
  checkSources(world.disk);
  checkAudit(world);
}
