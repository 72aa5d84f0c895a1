/**
 * Troubles of the machine and its surroundings that half of the seeds have: commits that fail at any of their
 * statements, a disk that stalls for seconds, a machine that is suspended, datagrams that reach another API than
 * theirs, and processors whose health says the opposite of what they do.
 */
import type { Chance } from "./chance.ts";
import type { Scene } from "./scene.ts";

export type Rough = {
  /** Share of the commits that fail, while the trouble lasts. */
  readonly failingCommits: number;
  readonly stalls: number;
  readonly pauses: number;
  /** Share of the verdicts' datagrams that another API gets as well. */
  readonly misdelivery: number;
  readonly lies: number;
};

/** Statements of a commit, its beginning and its end included, before which it may fail. */
const STATEMENTS_MAX = 6;
/** A processor forgets keys a second after it may: nothing is under way for longer. */
const SHORT_PAUSE_MS = 500;

export function drawRough(rough: Chance): Rough {
  const isCalm = rough.happens(0.5);
  const times = (most: number) => (isCalm || rough.happens(0.5) ? 0 : rough.between(1, most));
  const rate = (most: number) => (isCalm || rough.happens(0.5) ? 0 : rough.next() * most);
  return {
    failingCommits: rate(0.3),
    stalls: times(2),
    pauses: times(3),
    misdelivery: rate(0.3),
    lies: times(4),
  };
}

export function planRough(world: Scene): void {
  const { plan, rough, time, disk } = world;
  const { failingCommits, stalls, pauses, lies } = plan.rough;
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
