/** The command behind `bun run mutants`. */
import { availableParallelism } from "node:os";
import { argumentsOrExit, refuseArguments } from "../../shared/arguments.ts";
import { runGenerated } from "./generated/run.ts";
import { MUTANTS, type Mutant } from "./mutants.ts";
import { tryAll, type Tried } from "./try.ts";

const USAGE = `usage: bun run mutants [options] [WORD...]

Mutations of the source that no test noticed once, each planted while the source is loaded, and the
test that has to notice it now. With words, only those mutants whose names have one of them. Exits 1
when one survives or could not be tried.

  --list      names them, and what notices each
  --jobs N    at a time (one per core)
  --generate  mutants made by machine instead: unit tests and the simulation judge those that are drawn
  --count N   how many are drawn (160); those that data/mutants.jsonl has are not tried again
  --again     what has missed one of them, tests or simulation, tries again
  --seeds N   seeds of each simulated world for one (20)
  --store     keeps the score in tests/mutants/generated/score.json
`;

const asked = readArguments();
if (asked.generated !== null) await runGenerated({ ...asked.generated, ...asked });
else if (asked.list) {
  for (const { name, test, named } of chosenBy(asked.words)) {
    console.log(`${name}\n  ${test}: ${named}`);
  }
} else await report(chosenBy(asked.words));

async function report(chosen: readonly Mutant[]): Promise<void> {
  const startedAtMs = performance.now();
  const all = await tryAll(chosen, asked.jobs, ({ mutant, verdict, why }) =>
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
    generate: { type: "boolean", default: false },
    count: { type: "string", default: "160" },
    seeds: { type: "string", default: "20" },
    again: { type: "boolean", default: false },
    store: { type: "boolean", default: false },
  } as const;
  const line = { usage: USAGE, options, wordsMax: Number.POSITIVE_INFINITY };
  const { values, words } = argumentsOrExit(line);
  const numberOf = (name: "jobs" | "count" | "seeds") => {
    if (/^[1-9]\d{0,4}$/.test(values[name])) return Number(values[name]);
    return refuseArguments(USAGE, `--${name}: ${values[name]} is no such number`);
  };
  const numbers = { count: numberOf("count"), seeds: numberOf("seeds") };
  const draw = { ...numbers, isAgain: values.again, isStored: values.store };
  const generated = values.generate ? draw : null;
  return { generated, words, jobs: numberOf("jobs"), list: values.list };
}

function chosenBy(words: readonly string[]): readonly Mutant[] {
  if (words.length === 0) return MUTANTS;
  const found = MUTANTS.filter(({ name }) => words.some((word) => name.includes(word)));
  if (found.length > 0) return found;
  return refuseArguments(USAGE, `no mutant has ${words.join(" or ")} in its name`);
}
