/**
 * A note beside the journal says when its newest copy was made: whoever makes one writes it, the worker
 * shows it. It is no row of the journal, into which nobody but the worker writes, and no setting, since
 * both sides know where the journal is.
 */
import { renameSync, writeFileSync } from "node:fs";

type Note = { readonly atMs: number; readonly to: string };

export function noteBackup(journal: string, note: Note): void {
  const path = pathOf(journal);
  writeFileSync(`${path}.new`, `${JSON.stringify(note)}\n`);
  renameSync(`${path}.new`, path);
}

/** Null when no copy is known. */
export async function newestBackupAtMs(journal: string): Promise<number | null> {
  try {
    const { atMs } = (await Bun.file(pathOf(journal)).json()) as Note;
    return Number.isSafeInteger(atMs) ? atMs : null;
  } catch {
    return null;
  }
}

function pathOf(journal: string): string {
  return `${journal}-backup`;
}
