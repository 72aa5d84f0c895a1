import { existsSync } from "node:fs";
import { readSettings } from "../shared/settings.ts";
import { workerSettings } from "../worker/settings.ts";

const { JOURNAL } = workerSettings;

/** The file that JOURNAL names; throws with one sentence when it is not there. */
export function journalPath(env: Record<string, string | undefined>): string {
  const read = readSettings({ JOURNAL }, env);
  if (!read.ok) throw new Error(read.reason);
  const path = read.settings.JOURNAL;
  if (!existsSync(path)) throw new Error(`journal ${path}: there is no such file`);
  return path;
}
