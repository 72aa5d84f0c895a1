/**
 * Bugs that the simulation must find, from bugs.txt. Each is edits of the source, made while it is loaded and
 * never on disk: production code carries no switch for them.
 */
import text from "./bugs.txt" with { type: "text" };
import { readEdits, type Edited } from "./edits.ts";

export type PlantedBug = Edited & {
  /** First seed that is tried: one that found it is near. Those before it come last. */
  readonly seedsFrom: number;
  /** Last seed that is tried: it is found by then. */
  readonly seedsMax: number;
};

export const PLANTED_BUGS: readonly PlantedBug[] = readEdits(text).map(({ title, edits }) => {
  const [, name, from, max] = /^(.*): seeds (\d+)\.\.(\d+)$/.exec(title) ?? [];
  if (name === undefined) throw new Error(`bugs.txt: ${title} does not say its seeds`);
  return { name, seedsFrom: Number(from), seedsMax: Number(max), edits };
});
