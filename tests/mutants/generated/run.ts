/** Draws mutants and judges them, as `bun run mutants --generate` and the check's sample do. */
import { appendFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { drawn, generate } from "./core.ts";
import { EQUIVALENT } from "./equivalents.ts";
import { judge, type Effort, type Judged } from "./judge.ts";
import type { Generated } from "./mutate.ts";
import { readImporters } from "./reach.ts";
import { add, isFound, SCORE } from "./score.ts";
import { eachOf } from "../../../testing/each.ts";
import { run } from "../../../testing/process.ts";
import { ROOT } from "../../../testing/programs.ts";

export type Asked = {
  readonly count: number;
  readonly seeds: number;
  readonly jobs: number;
  /** Parts of names; a mutant has one of them in its own. All, when there is none. */
  readonly words: readonly string[];
  /** Whether tests and simulation are asked again about what they missed. */
  readonly isAgain: boolean;
  readonly isStored: boolean;
};

/** Verdicts of runs by hand, a line each; no part of the tree. */
const JUDGED = join(ROOT, "data/mutants.jsonl");
/** Draws by hand are all the same one, so that a larger count goes on where a smaller one ended. */
const DRAW = 1;
const NOT_JUDGED: Judged = { name: "", tests: null };

/** Prints each verdict and the score, and exits 1 when one survives. What was judged before is not tried again, unless asked. */
export async function runGenerated(asked: Asked): Promise<void> {
  const { count, seeds, jobs, words, isAgain } = asked;
  const made = await generate();
  const isAsked = ({ name }: Generated) =>
    words.length === 0 || words.some((word) => name.includes(word));
  const draw = drawn(made.filter(isAsked), DRAW).slice(0, count);
  const before = await readJudged();
  const isOver = ({ name }: Generated) => {
    const one = before.get(name);
    return EQUIVALENT.has(name) || (one !== undefined && !(isAgain && isMissed(one)));
  };
  await judgeAll(
    draw.filter((mutant) => !isOver(mutant)),
    { seeds, isBoth: true },
    jobs,
    async (one) => {
      before.set(one.name, one);
      console.log(describe(one));
      await appendFile(JUDGED, `${JSON.stringify(one)}\n`);
    },
    before,
  );
  const sum = add(draw.map(({ name }) => before.get(name) ?? { name, tests: null }));
  console.log(JSON.stringify({ ...sum, survivors: sum.survivors.length }));
  if (asked.isStored) await store(asked, made.length, draw, sum);
  process.exitCode = sum.survivors.length === 0 ? 0 : 1;
}

async function store(
  { count, seeds }: Asked,
  made: number,
  draw: readonly Generated[],
  sum: ReturnType<typeof add>,
): Promise<void> {
  const { out } = await run(["git", "rev-parse", "--short", "HEAD"], { cwd: ROOT });
  const command = `bun run mutants --generate --count ${count} --seeds ${seeds}`;
  const date = new Date().toISOString().slice(0, 10);
  const first = await readJudged("first");
  const foundAtFirst = draw.filter(({ name }) => isFound(first.get(name) ?? NOT_JUDGED)).length;
  const score = { date, commit: out.trim(), command, made, foundAtFirst, ...sum };
  await Bun.write(SCORE, `${JSON.stringify(score, null, 2)}\n`);
}

export async function judgeAll(
  mutants: readonly Generated[],
  effort: Effort,
  jobs: number,
  onJudged: (one: Judged) => Promise<void> | void = () => {},
  before: ReadonlyMap<string, Judged> = new Map(),
): Promise<Judged[]> {
  const importers = await readImporters();
  const judgeOne = async (mutant: Generated) => {
    const one = await judge(mutant, importers, effort, before.get(mutant.name));
    await onJudged(one);
    return one;
  };
  return eachOf(mutants, judgeOne, jobs);
}

/** True when tests or the simulation have missed it, where both can tell. */
function isMissed({ tests, simulation }: Judged): boolean {
  return tests === null || simulation === null;
}

function describe(one: Judged): string {
  const { name, tests, simulation } = one;
  const by = [tests !== null && "tests", simulation && "simulation"].filter(Boolean).join(" and ");
  return `${isFound(one) ? `found by ${by}` : "SURVIVED"}: ${name}`;
}

/** Reads the newest verdict on each, or the first one. */
async function readJudged(which: "newest" | "first" = "newest"): Promise<Map<string, Judged>> {
  await mkdir(dirname(JUDGED), { recursive: true });
  const file = Bun.file(JUDGED);
  const lines = (await file.exists()) ? (await file.text()).trim().split("\n") : [];
  const all = lines.filter(Boolean).map((line): Judged => JSON.parse(line));
  const inOrder = which === "newest" ? all : all.toReversed();
  return new Map(inOrder.map((one) => [one.name, one]));
}
