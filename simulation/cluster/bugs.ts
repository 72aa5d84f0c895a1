/** Bugs of several workers that their simulation must find, from bugs.txt. */
import { readEdits, type Edited } from "../planted/edits.ts";
import text from "./bugs.txt" with { type: "text" };

type ClusterBug = Edited & {
  /** First seed that is tried: earlier ones find nothing. */
  readonly seedsFrom: number;
};

export const CLUSTER_BUGS: readonly ClusterBug[] = readEdits(text).map(({ title, edits }) => {
  const [, name, from] = /^(.*): seeds from (\d+)$/.exec(title) ?? [];
  if (name === undefined) throw new Error(`bugs.txt: ${title} does not say its seeds`);
  return { name, seedsFrom: Number(from), edits };
});
