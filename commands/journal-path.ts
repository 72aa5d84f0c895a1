import { existsSync } from "node:fs";
import { readSettings } from "../shared/settings.ts";
import { refuseDatabase } from "../worker/journal-url.ts";
import { workerSettings } from "../worker/settings.ts";

const { JOURNAL } = workerSettings;

/** The journal that JOURNAL names: a path, or a URL; throws with one sentence when it is neither. */
export function journalNamed(env: Record<string, string | undefined>): string {
  const read = readSettings({ JOURNAL }, env);
  if (!read.ok) throw new Error(read.reason);
  return read.settings.JOURNAL;
}

/** The file that JOURNAL names, for `what`, whether it is there or not; throws for a database. */
export function journalFile(env: Record<string, string | undefined>, what: string): string {
  const path = journalNamed(env);
  refuseDatabase(path, what);
  return path;
}

/** The same; throws with one sentence when it is not there. */
export function journalPath(env: Record<string, string | undefined>, what: string): string {
  const path = journalFile(env, what);
  if (!existsSync(path)) throw new Error(`journal ${path}: there is no such file`);
  return path;
}
