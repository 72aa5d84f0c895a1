/** Mutations of the source that no test noticed once, each with the test that has to notice it, from mutants.txt. */
import { readEdits, type Edited } from "../../simulation/planted/edits.ts";
import text from "./mutants.txt" with { type: "text" };

export type Mutant = Edited & {
  /** The file of the test that must fail. */
  readonly test: string;
  /** How that test's name begins, with or without its `describe`. */
  readonly named: string;
};

export const MUTANTS: readonly Mutant[] = readEdits(text).flatMap(({ title, edits }) => {
  const [test = "", ...named] = title.split(": ");
  return edits.map((edit) => ({
    name: edit.about,
    test,
    named: named.join(": "),
    edits: [edit],
  }));
});
