/** The command behind `bun run mutants`. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
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
    help: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    jobs: { type: "string", default: String(availableParallelism()) },
  } as const;
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    if (!/^[1-9]\d?$/.test(values.jobs))
      throw new Error(`--jobs: ${values.jobs} is no such number`);
    return { chosen: chosenBy(positionals), jobs: Number(values.jobs), list: values.list };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    return process.exit(2);
  }
}

function chosenBy(words: readonly string[]): readonly Mutant[] {
  if (words.length === 0) return MUTANTS;
  const found = MUTANTS.filter(({ name }) => words.some((word) => name.includes(word)));
  if (found.length === 0) throw new Error(`no mutant has ${words.join(" or ")} in its name`);
  return found;
}
