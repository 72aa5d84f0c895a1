/**
 * One worker at a journal: two would both send what is open. The lock is SQLite's own, on a file
 * beside the journal, so that the kernel gives it back however the process ends.
 */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/** Holds the lock until it is closed. Throws with one sentence when somebody else holds it. */
export function lockJournal(path: string): Database {
  let lock: Database | null = null;
  try {
    mkdirSync(dirname(path), { recursive: true });
    lock = new Database(`${path}-lock`);
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    const { message } = error as Error;
    const reason = /locked/.test(message) ? "another worker is using it" : message;
    throw new Error(`journal ${path} cannot be opened: ${reason}`, { cause: error });
  }
}
