/**
 * A note beside a journal that was found damaged, or taken away, says why the worker ended. Until it is
 * gone a worker that starts again builds on nothing before it has looked through all of the file.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";

export function troubleNote(path: string): string {
  return `${path}-trouble`;
}

export function noteTrouble(path: string, reason: string): void {
  try {
    writeFileSync(troubleNote(path), `${reason}\n`, { flush: true });
  } catch {
    // The directory may be gone as well, or the disk full; the log has the reason.
  }
}

export function isTroubleNoted(path: string): boolean {
  return existsSync(troubleNote(path));
}

export function forgetTrouble(path: string): void {
  rmSync(troubleNote(path), { force: true });
}
