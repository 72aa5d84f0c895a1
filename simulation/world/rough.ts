/**
 * Troubles of the machine and its surroundings that half of the seeds have: commits that fail at any of their
 * statements, a disk that stalls for seconds, a machine that is suspended, datagrams that reach another API than
 * theirs, a worker that is out of descriptors, and processors whose health says the opposite of what they do.
 */
import type { Chance } from "./chance.ts";

export type Rough = {
  /** Share of the commits that fail, while the trouble lasts. */
  readonly failingCommits: number;
  readonly stalls: number;
  readonly pauses: number;
  /** Share of the verdicts' datagrams that another API gets as well. */
  readonly misdelivery: number;
  readonly lies: number;
  /** Times at which the worker has no descriptors left. */
  readonly shortages: number;
};

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
    shortages: times(2),
  };
}
