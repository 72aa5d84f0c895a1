/**
 * Builds the programs of another revision as its own tree says, in a folder that is gone afterwards: with its own
 * packages, and by its own build.
 */
import { join } from "node:path";
import { run } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";

/** Programs of a revision, compiled. `await using` it. */
export class Revision implements AsyncDisposable {
  /** First letters of its commit. */
  readonly commit: string;
  readonly #tree: string;

  /** Rejects with git's sentence, or with the last words of its build. */
  static async build(name: string, directory: string): Promise<Revision> {
    const commit = await git("rev-parse", "--verify", "--short=12", `${name}^{commit}`);
    const tree = join(directory, `tree-${commit}`);
    // A run that was killed has left its tree's name behind.
    await git("worktree", "prune");
    await git("worktree", "add", "--detach", tree, commit);
    const revision = new Revision(commit, tree);
    const { code, out, err } = await run([process.execPath, "run", "build"], { cwd: tree });
    if (code === 0) return revision;
    await revision[Symbol.asyncDispose]();
    throw new Error(`${name} cannot be built: ${(err || out).trim()}`);
  }

  private constructor(commit: string, tree: string) {
    this.commit = commit;
    this.#tree = tree;
  }

  /** Folder of its binaries. */
  get dist(): string {
    return join(this.#tree, "dist");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await git("worktree", "remove", "--force", this.#tree);
  }
}

async function git(...args: string[]): Promise<string> {
  const { code, out, err } = await run(["git", ...args], { cwd: ROOT });
  if (code !== 0) throw new Error(err.trim());
  return out.trim();
}
