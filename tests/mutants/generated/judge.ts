/** Plants a generated mutant, and runs the tests that load its file, the nearest first, and the simulation. */
import { dirname } from "node:path/posix";
import { isQuick } from "../../check/quick.ts";
import type { Generated } from "./mutate.ts";
import { stepsTo, type Importers } from "./reach.ts";
import { Child } from "../../../testing/process.ts";
import { ROOT } from "../../../testing/programs.ts";

export type Judged = {
  readonly name: string;
  /** Failure, or null: a test's name, a seed with its violation, or why it was ended. */
  readonly tests: string | null;
  /** The same; `undefined` when it was not run: no world loads the file, or tests were enough. */
  readonly simulation?: string | null;
};

export type Effort = {
  /** Seeds of each simulated world. */
  readonly seeds: number;
  /** Whether the simulation has to judge what tests have found already. */
  readonly isBoth: boolean;
};

/** Imports between a test and the source that it may notice, for one in the source's folder and for one elsewhere. */
const STEPS_MAX = { beside: 4, elsewhere: 2 };
/** Programs that run seeds of each simulated world. */
const WORLDS: Readonly<Record<string, readonly string[]>> = {
  "simulation/world.ts": ["simulation/simulate.ts", "--jobs", "1", "--brief"],
  "simulation/cluster/world.ts": ["simulation/cluster/simulate.ts"],
};
const STEPS = ["--steps", "60"];
/**
 * A loop without an end is ended, and so is what fills the memory. The limit is of the processor's time,
 * which is the same on a busy machine; what hangs and spends none has the wall's.
 */
const LIMITS = {
  cpuMs: 5_000,
  cpuMsOfTestFile: 3_000,
  /** Several times what a seed takes: the first hundred are slow, and two cores that are shared are slower yet. */
  cpuMsOfSeed: 1_000,
  wallMs: 300_000,
  memoryMb: 3_000,
  lookMs: 250,
};
/** Longest that one test may take: Bun's own 5 s would judge how busy the machine is. */
const TEST_MS_MAX = 60_000;
const UNIT_TEST = /^(?:api|shared|worker)\/.*\.test\.ts$/;
/** A test that imports it needs a server, which is not to be started for each mutant. */
const DATABASE_SERVER = "testing/postgres.ts";

/** Judges one; a judge that has found it before is not asked again. */
export async function judge(
  mutant: Generated,
  importers: Importers,
  { seeds, isBoth }: Effort,
  before: Judged = { name: mutant.name, tests: null },
): Promise<Judged> {
  const steps = stepsTo(mutant.file, importers);
  const tests = before.tests ?? (await failureOfTests(mutant, testsOf(mutant.file, importers)));
  const worlds = Object.keys(WORLDS).filter((world) => steps.has(world));
  const { name } = mutant;
  if (worlds.length === 0 || (tests !== null && !isBoth)) return { name, tests };
  let simulation = before.simulation ?? null;
  for (const world of worlds) {
    const args = [...WORLDS[world]!, "--seeds", `1..${seeds}`, ...STEPS];
    simulation ??= await failureOf(mutant, args, seeds * LIMITS.cpuMsOfSeed);
  }
  return { name, tests, simulation };
}

/** Files of tests that run the source: its own, those beside it, some from elsewhere, and then what takes long. */
function testsOf(file: string, importers: Importers): string[][] {
  const withServer = stepsTo(DATABASE_SERVER, importers);
  const ranks: string[][] = [[], [], [], []];
  for (const [path, far] of stepsTo(file, importers)) {
    const isBeside = dirname(path) === dirname(file);
    if (!UNIT_TEST.test(path) || withServer.has(path)) continue;
    if (far > (isBeside ? STEPS_MAX.beside : STEPS_MAX.elsewhere)) continue;
    if (path === file.replace(/\.ts$/, ".test.ts")) ranks[0]?.push(path);
    else if (isQuick(path)) ranks[isBeside ? 1 : 2]?.push(path);
    // A test that takes long is asked only when it imports the source itself.
    else if (far === 1) ranks[3]?.push(path);
  }
  return ranks;
}

async function failureOfTests(mutant: Generated, nearestFirst: string[][]): Promise<string | null> {
  for (const files of nearestFirst.filter(({ length }) => length > 0)) {
    const args = [
      "test",
      "--bail",
      `--timeout=${TEST_MS_MAX}`,
      ...files.map((file) => `./${file}`),
    ];
    const failure = await failureOf(mutant, args, files.length * LIMITS.cpuMsOfTestFile);
    if (failure !== null) return failure;
  }
  return null;
}

async function failureOf(
  mutant: Generated,
  args: readonly string[],
  cpuMs: number,
): Promise<string | null> {
  const [first, ...rest] = args as [string, ...string[]];
  const preload = ["--preload", "./tests/mutants/plant.ts"];
  const command = first === "test" ? [first, ...preload, ...rest] : [...preload, ...args];
  await using child = new Child({
    command: [process.execPath, ...command],
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", MUTANT: JSON.stringify(mutant) },
    linesMax: 500,
  });
  child.start();
  let ended = "";
  const startedAtMs = performance.now();
  const looks = setInterval(() => {
    if (!child.isRunning) return;
    const isLong = performance.now() - startedAtMs > LIMITS.wallMs;
    if (isLong || child.cpuMs() > LIMITS.cpuMs + cpuMs) ended = "went on without an end";
    if (child.memoryMb() > LIMITS.memoryMb) ended = "filled the memory";
    if (ended !== "") child.signal("SIGKILL");
  }, LIMITS.lookMs);
  const { code } = await child.ended;
  clearInterval(looks);
  if (ended !== "" || code === 0) return ended || null;
  const said = [...child.lines, ...child.errors].map((line) => Bun.stripANSI(line));
  return (
    said.find((line) => /^\(fail\)|^seed \d+: |^error/.test(line)) ?? `ended with code ${code}`
  );
}
