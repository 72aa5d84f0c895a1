/** The command behind `bun run mutants`. */
import { availableParallelism } from "node:os";
import { argumentsOrExit, refuseArguments } from "../../shared/arguments.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";
import { tryAll, type Tried } from "./try.ts";

const USAGE = `usage: bun run mutants [options] [WORD...]

Mutations of the source that no test noticed once, each planted while the source is loaded, and the
test that has to notice it now. With words, only those mutants whose names have one of them. Exits 1
when one survives or could not be tried.

  --list      names them, and what notices each
  --jobs N    at a time (one per core)
`;

const { chosen, jobs, list } = readArguments();
if (list) for (const { name, test, named } of chosen) console.log(`${name}\n  ${test}: ${named}`);
else await report();

async function report(): Promise<void> {
  const startedAtMs = performance.now();
  const all = await tryAll(chosen, jobs, ({ mutant, verdict, why }) =>
    console.log(`${verdict}: ${mutant.name}${why === "" ? "" : `\n${why}`}`),
  );
  const count = (wanted: Tried["verdict"]) =>
    all.filter(({ verdict }) => verdict === wanted).length;
  const noticed = count("noticed");
  const others = `${count("SURVIVED")} survived, ${count("could not be tried")} not tried`;
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  console.log(`${noticed} mutants noticed, ${others}, in ${seconds} s`);
  process.exitCode = noticed === all.length ? 0 : 1;
}

function readArguments() {
  const options = {
    list: { type: "boolean", default: false },
    jobs: { type: "string", default: String(availableParallelism()) },
  } as const;
  const line = { usage: USAGE, options, wordsMax: Number.POSITIVE_INFINITY };
  const { values, words } = argumentsOrExit(line);
  if (!/^[1-9]\d?$/.test(values.jobs)) {
    refuseArguments(USAGE, `--jobs: ${values.jobs} is no such number`);
  }
  return { chosen: chosenBy(words), jobs: Number(values.jobs), list: values.list };
}

function chosenBy(words: readonly string[]): readonly Mutant[] {
  if (words.length === 0) return MUTANTS;
  const found = MUTANTS.filter(({ name }) => words.some((word) => name.includes(word)));
  if (found.length > 0) return found;
  return refuseArguments(USAGE, `no mutant has ${words.join(" or ")} in its name`);
}
