/**
 * A copy of the journal, put in its place: nothing is missing in it, which the worker cannot know.
 *
 *   R25  a payment that comes then is asked for once at each processor, and charged as soon as all have answered
 */
import { trustJournal } from "../alarms.ts";
import { pass, post, restart, type Drill } from "./drill.ts";
import { HAS_SETTLED } from "../restore.ts";
import { Violation } from "../violation.ts";

const TIMEOUT_MS = 800;
/** Longest time from the end of the wait to the record: ways, controls and commits. */
const RECORDED_WITHIN_MS = 300;

export function drillCopy(drill: Drill): void {
  const { world, isOver } = drill;
  const { disk, time, gateway, models, checker, processors, wires } = world;
  // To prepare every statement anew takes a while.
  if (world.drill.happens(0.5)) return;
  const copy = disk.copy();
  gateway.crash();
  disk.putBack(copy, time.wallMs());
  checker.onRestored();
  world.judges?.onRestored();
  restart(drill, { processorTimeoutMs: TIMEOUT_MS });
  const isProven =
    !world.isUnproven && processors.every(({ name }) => disk.holds(HAS_SETTLED, name));
  const id = post(drill, world.drill.between(1, 99_999));
  pass(drill, 2 * TIMEOUT_MS + RECORDED_WITHIN_MS);
  if (isOver()) return;
  const isRecorded = models.some(({ records }) => records.get(id) !== undefined);
  if (isProven && !isRecorded)
    throw new Violation(`R25: every processor can be asked for ${id}, and it is not charged`);
  for (const [place, { looks }] of wires.entries()) {
    const asked = looks.get(`${processors[place]!.url}/payments/${id}`) ?? 0;
    if (isProven && asked !== 1)
      throw new Violation(`R25: ${processors[place]!.name} is asked ${asked} times for ${id}`);
  }
  trustJournal(world, isOver);
}
