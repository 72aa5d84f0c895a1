/** The faults of one run of several workers, drawn from its seed; printed, as those of one worker are. */
import type { Chance } from "../world/chance.ts";
import type { Faults } from "./database.ts";
import type { ProcessorFaults } from "./processor.ts";

export type ClusterPlan = {
  readonly workers: number;
  /** Number of shards that payments are posted for, the lowest, which are given away first. */
  readonly shards: number;
  readonly hardLimit: number;
  readonly processorTimeoutMs: number;
  readonly troubleMs: number;
  /** Share of the messages between an API and a worker that are lost. */
  readonly linkLoss: number;
  /** Workers' clocks are up to so much ahead of or behind each other, and so is that of each database. */
  readonly clocksMs: number;
  readonly database: Faults;
  readonly processor: ProcessorFaults;
  readonly kills: number;
  readonly pauses: number;
  readonly cuts: number;
  readonly restarts: number;
  readonly failOvers: number;
  readonly lonely: number;
  /** Payments that are posted twice while the standbys go, before whose quorum the primary is lost. */
  readonly quorumLosses: number;
  /** Times at which somebody puts the database back to an earlier state under the workers. */
  readonly putBacks: number;
  readonly outages: number;
  readonly repeats: number;
  readonly otherAmounts: number;
  /** Workers that end cleanly. */
  readonly leaves: number;
};

export function drawClusterPlan(chance: Chance): ClusterPlan {
  /** Often nothing at all, so that faults are also met alone. */
  const rate = (max: number) => (chance.happens(0.4) ? 0 : round(chance.next() * max));
  const times = (max: number) => (chance.happens(0.4) ? 0 : chance.between(1, max));
  return {
    workers: chance.between(2, 4),
    shards: chance.pick([16, 256]),
    hardLimit: chance.pick([4, 12, 40]),
    processorTimeoutMs: chance.pick([800, 2_500, 8_000]),
    troubleMs: chance.pick([15_000, 30_000]),
    linkLoss: rate(0.2),
    clocksMs: chance.pick([0, 2_000, 60_000]),
    database: {
      lost: rate(0.15),
      delayMsMax: chance.pick([1, 10, 100]),
      quorumMsMax: chance.pick([1, 5, 40]),
    },
    processor: {
      refused: rate(0.3),
      lostBefore: rate(0.2),
      lostAfter: rate(0.25),
      lateMsMax: chance.pick([50, 15_000]),
      slowMsMax: chance.pick([20, 1_000, 6_000]),
    },
    kills: times(5),
    pauses: times(5),
    cuts: times(3),
    restarts: times(3),
    failOvers: times(2),
    lonely: times(2),
    putBacks: chance.happens(0.15) ? 1 : 0,
    outages: times(3),
    repeats: rate(0.5),
    otherAmounts: rate(0.2),
    leaves: times(3),
    quorumLosses: times(2),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
