/** Plants a mutant, and runs the test that must notice it; that must also pass without. */
import { editedText, filesOf } from "../../simulation/planted/edits.ts";
import type { Mutant } from "./mutants.ts";
import { eachOf } from "../../testing/each.ts";
import { run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";

export type Tried = {
  readonly mutant: Mutant;
  readonly verdict: "noticed" | "SURVIVED" | "could not be tried";
  /** The reason why it could not be tried. */
  readonly why: string;
};

/** `tried` is called as each ends; the results are in the order of the mutants. */
export async function tryAll(
  mutants: readonly Mutant[],
  jobs: number,
  tried: (one: Tried) => void = () => {},
): Promise<Tried[]> {
  const tryOne = async (mutant: Mutant) => {
    const one = await tryMutant(mutant);
    tried(one);
    return one;
  };
  return eachOf(mutants, tryOne, jobs);
}

async function tryMutant(mutant: Mutant): Promise<Tried> {
  const untried = (why: string): Tried => ({ mutant, verdict: "could not be tried", why });
  try {
    for (const file of filesOf(mutant)) parse(await editedText(mutant, file));
  } catch (error) {
    return untried((error as Error).message);
  }
  const without = await runTest(mutant, []);
  if (without.failed > 0 || without.passed === 0) return untried(without.output);
  const { passed, failed, errors, output } = await runTest(mutant, [
    "--preload",
    "./tests/mutants/plant.ts",
  ]);
  // A file that cannot be loaded fails, too, and notices nothing.
  if (errors > 0 || passed + failed !== without.passed) return untried(output);
  return { mutant, verdict: failed > 0 ? "noticed" : "SURVIVED", why: "" };
}

/** Throws when the mutated source is no TypeScript any more. */
function parse(text: string): void {
  new Bun.Transpiler({ loader: "ts" }).transformSync(text);
}

async function runTest(mutant: Mutant, preload: readonly string[]) {
  const pattern = `(^| )${RegExp.escape(mutant.named)}`;
  const args = [`./${mutant.test}`, "--test-name-pattern", pattern];
  const { out, err } = await run([process.execPath, "test", ...preload, ...args], {
    cwd: ROOT,
    env: { ...process.env, MUTANT: JSON.stringify(mutant) },
  });
  const output = Bun.stripANSI(out + err);
  const count = (word: string) =>
    Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(output)?.[1] ?? 0);
  return { passed: count("pass"), failed: count("fail"), errors: count("errors?"), output };
}
