/** Makes one copy, and notes it for the worker's metrics. */
import { statSync } from "node:fs";
import { noteBackup } from "../../worker/backup-note.ts";
import { backUp, copyBytesOf } from "../../worker/journal/backup.ts";
import type { Contents } from "../../worker/journal/copy.ts";
import { removePartial } from "../../worker/journal/draft.ts";
import { Progress, type Tell } from "./progress.ts";
import { refuseWithoutRoom } from "./space.ts";

export type Made = Contents & { readonly to: string; readonly bytes: number; tookMs: number };

/** Rejects with one sentence when there is no copy; an exit meanwhile leaves nothing behind. */
export async function makeCopy(journal: string, to: string, tell: Tell): Promise<Made> {
  const startedMs = performance.now();
  const bytesMax = copyBytesOf(journal);
  refuseWithoutRoom(to, bytesMax);
  const progress = new Progress(bytesMax, startedMs, tell);
  const cleanUp = () => removePartial(to);
  process.on("exit", cleanUp);
  try {
    const nowMs = Date.now();
    const order = { from: journal, to, nowMs };
    const contents = await backUp(order, (bytes) => progress.at(performance.now(), bytes));
    note(journal, { atMs: nowMs, to }, tell);
    const tookMs = Math.round(performance.now() - startedMs);
    return { ...contents, to, bytes: statSync(to).size, tookMs };
  } finally {
    process.off("exit", cleanUp);
  }
}

/** The copy is there, whether it can be noted or not. */
function note(journal: string, what: Parameters<typeof noteBackup>[1], tell: Tell): void {
  try {
    noteBackup(journal, what);
  } catch (error) {
    tell(`the worker's metrics will not know of it: ${(error as Error).message}`);
  }
}
