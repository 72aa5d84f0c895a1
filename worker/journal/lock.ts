/**
 * Lets only one worker work at a journal: two would both send the open payments. It holds two locks,
 * which the kernel gives back however the process ends:
 *
 *   flock(2) on the database itself    holds for every name, link or mount it is opened by
 *   SQLite's own on `-lock` beside it  holds for workers of earlier versions
 *
 * `-lock` stays when the worker ends, and says that there was a journal here. The database's descriptor
 * is opened before SQLite opens the file and closed after it: closing any descriptor of a file gives
 * back every lock that SQLite has on it.
 */
import type { Database } from "bun:sqlite";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { lockFile } from "./libc.ts";
import { RESTORE } from "./restore.ts";
import { SqliteConnection } from "../sqlite-connection.ts";
import { isTroubleNoted, troubleNote } from "./trouble-note.ts";

const MAGIC = "SQLite format 3\0";
const HELD_A_JOURNAL = 1;

export class JournalLock {
  /** The database's descriptor, to be closed by nobody else. */
  readonly fd: number;
  /** Findings that may be intended, and that an operator should know. */
  readonly warnings: string[] = [];
  readonly #beside: Database;

  /** Throws with one reason when somebody else holds it, or when this cannot be a journal. */
  constructor(path: string) {
    const bytes = bytesOf(path);
    const wasHere = bytesOf(`${path}-lock`) !== null;
    const isEmpty = (bytes ?? 0) === 0;
    if (isEmpty) refuseLoss(path);
    mkdirSync(dirname(path), { recursive: true });
    this.fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    try {
      if (!lockFile(this.fd)) throw new Error(IN_USE);
      if (!isEmpty) refuseOtherForms(this.fd);
      this.#beside = lockBeside(`${path}-lock`);
      if (bytes === 0 && this.#heldJournal()) {
        throw new Error(`it is empty, and was not: ${RESTORE}, or remove it to begin anew`);
      }
      if (isEmpty && wasHere) this.warnings.push(NEW_AGAIN);
      if (fstatSync(this.fd).nlink > 1) this.warnings.push(LINKED);
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  /** Notes, once there is a journal, that there was one: for the time when it is gone or empty. */
  remember(): void {
    if (this.#heldJournal()) return;
    this.#beside.run(`PRAGMA user_version = ${HELD_A_JOURNAL}`);
    this.#beside.run("COMMIT");
    this.#beside.run("BEGIN EXCLUSIVE");
  }

  /** Gives both locks back; to be called when SQLite has closed the database. */
  close(): void {
    this.#beside.close();
    closeSync(this.fd);
  }

  #heldJournal(): boolean {
    const [[version]] = this.#beside.query("PRAGMA user_version").values() as [[number]];
    return version === HELD_A_JOURNAL;
  }
}

/** Throws with one sentence. */
export function lockJournal(path: string): JournalLock {
  try {
    return new JournalLock(path);
  } catch (error) {
    throw new Error(`journal ${path} cannot be opened: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Keeps workers away from the place of a journal, whatever is there. Throws when one is at it. */
export function lockPlace(path: string): Disposable {
  mkdirSync(dirname(path), { recursive: true });
  const beside = lockBeside(`${path}-lock`);
  const fd = existsSync(path) ? openSync(path, "r") : null;
  const unlock = () => {
    if (fd !== null) closeSync(fd);
    beside.close();
  };
  if (fd === null || lockFile(fd)) return { [Symbol.dispose]: unlock };
  unlock();
  throw new Error(IN_USE);
}

const IN_USE = "a worker is using it";
const NEW_AGAIN = `it is new and empty, where there was one before: what that one knew is forgotten, \
and an id that a shop repeats is charged again; if this is not meant, stop, and ${RESTORE}`;
const LINKED = `it has a further name (a hard link): its log belongs to the name that it was opened by, \
and whoever opens it by another one misses the newest payments`;

/** Size of the file; null when there is no such file. */
function bytesOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/** Throws when a journal was lost: nothing is begun in its place. */
function refuseLoss(path: string): void {
  // SQLite would ignore a log without its database, and delete it.
  const log = `${existsSync(path) ? realpathSync(path) : path}-wal`;
  if ((bytesOf(log) ?? 0) > 0) {
    throw new Error(`it is gone or empty, and its log ${log} is not: ${RESTORE}`);
  }
  if (isTroubleNoted(path)) {
    const note = troubleNote(path);
    throw new Error(
      `it is gone or empty, and ${note} says why: ${RESTORE}, or remove the note to begin anew`,
    );
  }
}

/** Throws for a file of another form, before SQLite sees it and might change it. */
function refuseOtherForms(fd: number): void {
  const start = Buffer.alloc(MAGIC.length);
  readSync(fd, start, 0, MAGIC.length, 0);
  if (start.toString("latin1") !== MAGIC) throw new Error("it is no SQLite database");
}

function lockBeside(path: string): Database {
  const lock = new SqliteConnection(path, { create: true, readwrite: true }, 0);
  try {
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    const { message } = error as Error;
    throw new Error(/locked/.test(message) ? IN_USE : message, { cause: error });
  }
}
