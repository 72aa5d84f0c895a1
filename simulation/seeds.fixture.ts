/**
 * Chooses seeds that nobody has run, for tests: those of the tree that is checked out. Each change meets
 * seeds of its own, and who runs the tests of one tree again, or elsewhere, meets the same: what is found
 * can be found again.
 */
import { run } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";

/** Far above all seeds that are chosen by hand, and as many as there are trees to tell apart. */
const [TREES_FROM, TREES] = [2_000_000_000, 2 ** 31];

/** A range as the commands take it; by the clock's second where there is no repository. */
export async function seedsOfTree(count: number): Promise<string> {
  const first = await seedOfTree();
  return `${first}..${first + count - 1}`;
}

export async function seedOfTree(): Promise<number> {
  const command = ["git", `--git-dir=${ROOT}/.git`, "rev-parse", "HEAD^{tree}"];
  const { code, out } = await run(command, { cwd: ROOT }).catch(() => ({ code: 1, out: "" }));
  if (code !== 0) return Math.floor(Date.now() / 1_000);
  return TREES_FROM + (Number.parseInt(out.slice(0, 8), 16) % TREES);
}
