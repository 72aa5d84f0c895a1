/** Commands that run our own programs: from source, or as `bun run build` has compiled them. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Env } from "./process.ts";

export const ROOT = resolve(import.meta.dir, "..");
export const DIST = join(ROOT, "dist");

export function fromSource(entry: string, ...args: readonly string[]): string[] {
  return [process.execPath, join(ROOT, entry), ...args];
}

/** Runs a program as it was compiled into that folder. */
export function inFolder(folder: string, entry: string, ...args: readonly string[]): string[] {
  return [join(folder, entry.replace(/\.ts$/, "")), ...args];
}

export function fromDist(entry: string, ...args: readonly string[]): string[] {
  return inFolder(DIST, entry, ...args);
}

export function isBuilt(): boolean {
  return ["api", "worker", "simulator"].every((name) => existsSync(join(DIST, name)));
}

/**
 * The environment without settings of ours that a shell may carry, and without a proxy, which the
 * worker refuses.
 */
export function bareEnv(own: Env = {}): Env {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR, ...own };
}
