/** Adds up what became of generated mutants, and keeps it: `tests/mutants/generated/score.json`. */
import { join } from "node:path";
import { EQUIVALENT, isUnpromised } from "./equivalents.ts";
import type { Judged } from "./judge.ts";

export type Score = {
  readonly date: string;
  readonly commit: string;
  readonly command: string;
  /** Mutants that could be made, and those that were drawn among them. */
  readonly made: number;
  readonly drawn: number;
  /** Count of the draw that was found before anybody had seen them: what a new draw can be held to. */
  readonly foundAtFirst: number;
  readonly equivalent: number;
  /** Drawn ones that are not equivalent, and how many of those each has found. */
  readonly judged: number;
  readonly foundByTests: number;
  readonly foundByEither: number;
  /** Judged ones whose file a simulated world loads, and whose change is promised to somebody. */
  readonly simulated: number;
  readonly foundBySimulation: number;
  readonly survivors: readonly string[];
};

export const SCORE = join(import.meta.dir, "score.json");

export function add(
  all: readonly Judged[],
): Omit<Score, "date" | "commit" | "command" | "made" | "foundAtFirst"> {
  const judged = all.filter(({ name }) => !EQUIVALENT.has(name));
  const simulated = judged.filter(
    ({ name, simulation }) => simulation !== undefined && !isUnpromised(name),
  );
  const count = (isOne: (one: Judged) => boolean) => judged.filter(isOne).length;
  return {
    drawn: all.length,
    equivalent: all.length - judged.length,
    judged: judged.length,
    foundByTests: count(({ tests }) => tests !== null),
    foundByEither: count(isFound),
    simulated: simulated.length,
    foundBySimulation: simulated.filter(isFoundBySimulation).length,
    survivors: judged.filter((one) => !isFound(one)).map(({ name }) => name),
  };
}

export function isFound(one: Judged): boolean {
  return one.tests !== null || isFoundBySimulation(one);
}

function isFoundBySimulation({ simulation = null }: Judged): boolean {
  return simulation !== null;
}

/**
 * The least that a sample may find when the whole finds this share: four standard deviations of chance
 * below it, so that an unlucky draw fails once in some ten thousand trees, and a lost test file at once.
 */
export function leastOf(sample: number, share: number): number {
  const deviation = Math.sqrt((share * (1 - share)) / sample);
  return Math.floor(sample * (share - 4 * deviation));
}
