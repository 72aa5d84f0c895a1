/** Does to the machine and its surroundings what `rough.ts` has drawn, at times that the seed draws. */
import type { Scene } from "./scene.ts";

/** Statements of a commit, its beginning and its end included, before which it may fail. */
const STATEMENTS_MAX = 6;
/** A processor forgets keys a second after it may: nothing is under way for longer. */
const SHORT_PAUSE_MS = 500;

export function planRough(world: Scene): void {
  const { plan, rough, time, disk } = world;
  const { failingCommits, stalls, pauses, lies, shortages } = plan.rough;
  if (failingCommits > 0) {
    disk.drawFault = () =>
      rough.happens(failingCommits) ? rough.between(0, STATEMENTS_MAX) : null;
  }
  const at = (times: number, event: () => void) => {
    for (let i = 0; i < times; i++) {
      time.after(rough.next() * plan.troubleMs, () => {
        if (world.troubled) event();
      });
    }
  };
  at(stalls, () => stall(world));
  at(pauses, () => pause(world));
  at(lies, () => lie(world));
  at(shortages, () => takeDescriptors(world));
}

function stall(world: Scene): void {
  const { disk, rough, time, plan } = world;
  world.note("disk stalls");
  disk.stallMsMax = 5_000;
  time.after(rough.next() * 3_000, () => {
    if (world.troubled) disk.stallMsMax = plan.disk.stallMsMax;
  });
}

function pause(world: Scene): void {
  const { rough, time, plan } = world;
  const forgets = plan.kinds.length > 0;
  const pauseMs = forgets ? rough.next() * SHORT_PAUSE_MS : rough.pick([50, 1_000, 8_000, 61_000]);
  world.note(`everything sleeps for ${pauseMs}`);
  time.pause(pauseMs);
}

function lie(world: Scene): void {
  const { rough, wires, time } = world;
  const wire = rough.pick(wires);
  world.note("a processor lies in health");
  wire.liesInHealth = true;
  time.after(rough.next() * 8_000, () => {
    wire.liesInHealth = false;
  });
}

function takeDescriptors(world: Scene): void {
  const { rough, wires, time } = world;
  world.note("the worker is out of descriptors");
  for (const wire of wires) wire.isOutOfDescriptors = true;
  time.after(rough.next() * 2_000, () => {
    for (const wire of wires) wire.isOutOfDescriptors = false;
  });
}
