/**
 * Says which program this is, everywhere with the same words: the number of package.json, the commit that
 * it was built of, and the Bun that runs it.
 */
import { resolve } from "node:path";
import { version } from "../package.json";

export type Build = { readonly version: string; readonly commit: string; readonly bun: string };

/** The build puts it in; from source there is none. */
declare const BUILT_OF_COMMIT: string | undefined;

export const VERSION: string = version;

let known: Build | null = null;

/** From source it asks git, once, and only when somebody wants to know. */
export function build(): Build {
  return (known ??= { version, commit: builtOf(), bun: Bun.version });
}

export function versionLine(): string {
  const { commit, bun } = build();
  return `papa-leguas ${version}, commit ${commit}, Bun ${bun}`;
}

function builtOf(): string {
  return typeof BUILT_OF_COMMIT === "string"
    ? BUILT_OF_COMMIT
    : commitIn(resolve(import.meta.dir, ".."));
}

/** Names the commit that is checked out there, or "unknown"; a repository around that folder does not count. */
export function commitIn(root: string): string {
  const command = ["git", `--git-dir=${root}/.git`, "rev-parse", "--short=12", "HEAD"];
  try {
    const { success, stdout } = Bun.spawnSync(command, { stderr: "ignore", timeout: GIT_MS_MAX });
    return success ? stdout.toString().trim() : "unknown";
  } catch {
    return "unknown"; // There is no git.
  }
}
const GIT_MS_MAX = 1_000;
