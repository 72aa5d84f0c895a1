/** Keeps the newest copies in a folder: one round, or one after the other. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../shared/log.ts";
import { finalNameOf, sweep } from "../../worker/journal/draft.ts";
import { makeCopy, type Made } from "./make.ts";
import type { Tell } from "./progress.ts";
import { atMsOf, copiesAmong, firstDueMs, nameOf, nextDueMs } from "./rounds.ts";

export type Folder = { readonly journal: string; readonly path: string; readonly keep: number };

export async function round({ journal, path, keep }: Folder, tell: Tell): Promise<Made> {
  sweepDrafts(journal, path);
  const made = await makeCopy(journal, join(path, nameOf(journal, Date.now())), tell);
  for (const name of copiesAmong(journal, readdirSync(path)).slice(keep)) rmSync(join(path, name));
  return made;
}

/** Never returns: a round that fails is a line, and is tried again. */
export async function goOn(folder: Folder, periodMs: number, log: Log): Promise<never> {
  let dueMs = firstDueMs(newestIn(folder), Date.now(), periodMs);
  log.info({ to: folder.path, periodMs, keep: folder.keep, firstAt: new Date(dueMs) }, "ready");
  for (;;) {
    await Bun.sleep(Math.max(0, dueMs - Date.now()));
    const startedMs = Date.now();
    let failed = false;
    try {
      log.info(fieldsOf(await round(folder, (line) => log.debug(line))), "backed up");
    } catch (error) {
      failed = true;
      log.error({ reason: (error as Error).message }, "backup failed, and is tried again");
    }
    dueMs = nextDueMs(startedMs, Date.now(), periodMs, failed);
  }
}

/** Instants of a line are for people, too. */
function fieldsOf({ newestAtMs, backupAtMs, ...others }: Made) {
  const instant = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return { ...others, newestAt: instant(newestAtMs), backupAt: instant(backupAtMs) };
}

function newestIn({ journal, path }: Folder): number | null {
  const [newest] = copiesAmong(journal, readdirSync(path));
  return newest === undefined ? null : atMsOf(journal, newest);
}

function sweepDrafts(journal: string, path: string): void {
  for (const name of readdirSync(path)) {
    const finalName = finalNameOf(name);
    if (finalName !== null && atMsOf(journal, finalName) !== null) sweep(join(path, finalName));
  }
}
