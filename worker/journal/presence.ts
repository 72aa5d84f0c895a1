/**
 * Tells whether the journal is still in its place. A file that was removed or replaced goes on taking
 * writes of the process that has it open, and is gone with that process: all payments that are
 * acknowledged meanwhile are lost.
 */
import { realpathSync, statSync, type BigIntStats } from "node:fs";

type File = { readonly path: string; readonly opened: BigIntStats | null };

export type Loss = {
  readonly what: string;
  /** The database is in its place, and the log has only lost its name. */
  readonly isLogAlone: boolean;
};

export class Presence {
  readonly #database: string;
  readonly #files: readonly File[];
  /** Size of the database at the last look: it never shrinks. */
  #bytes: bigint;

  /** Notes which files they are; to be called when SQLite has all of them open. */
  constructor(path: string) {
    // SQLite has the others beside the file itself, wherever a link to it may be.
    const real = realpathSync(path);
    this.#database = path;
    this.#files = [path, `${real}-wal`, `${real}-shm`].map((each) => {
      return { path: each, opened: statOf(each) };
    });
    this.#bytes = this.#files[0]?.opened?.size ?? 0n;
  }

  /** Tells what has become of a file; null while each is the file that was opened. */
  loss(): Loss | null {
    for (const { path, opened } of this.#files) {
      const now = statOf(path);
      const isDatabase = path === this.#database;
      const became = whatBecame(opened, now, isDatabase ? this.#bytes : 0n);
      if (became !== null) {
        const isLogAlone = !isDatabase && became === "removed";
        return { what: `${path} was ${became} while the worker ran`, isLogAlone };
      }
      if (isDatabase) this.#bytes = (now as BigIntStats).size;
    }
    return null;
  }
}

function whatBecame(was: BigIntStats | null, now: BigIntStats | null, bytes: bigint) {
  if (now === null) return "removed";
  if (now.dev !== was?.dev || now.ino !== was.ino) return "replaced";
  return now.size < bytes ? "cut short" : null;
}

function statOf(path: string): BigIntStats | null {
  return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
}
