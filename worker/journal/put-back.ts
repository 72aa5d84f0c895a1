/**
 * Puts a copy in the place of a journal that is lost. Whoever is killed in the middle leaves either the
 * old journal in its place or the new one, never an empty place, in which a worker would begin anew.
 */
import {
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { contentsOf, mark, type Contents, type OnBytes } from "./copy.ts";
import { Draft, syncFolder } from "./draft.ts";
import { lockPlace } from "./lock.ts";
import { stampOf } from "./stamp.ts";
import { troubleNote } from "./trouble-note.ts";

const CHUNK_BYTES = 4 * 1024 * 1024;

export type PutBack = Contents & {
  /** Name to which the old journal was moved; null when there was none. */
  readonly aside: string | null;
};

/** Throws with one sentence, and has changed nothing then. */
export function putBack(from: string, place: string, nowMs: number, onBytes: OnBytes): PutBack {
  refuseUnfinished(from);
  // SQLite has the log beside the file itself, wherever a link to it may be.
  const path = existsSync(place) ? realpathSync(place) : place;
  using _ = lockPlace(place);
  if (existsSync(path) && realpathSync(from) === path) throw new Error("it is the journal itself");
  refuseLog(path);
  using draft = new Draft(path);
  copyInto(draft, from, onBytes);
  onBytes(null);
  const contents = contentsOf(draft.path);
  mark(draft.path, "restored_at_ms", nowMs);
  giveToOwner(path, [draft.path, `${place}-lock`]);
  const aside = `${path}-before-${stampOf(nowMs)}`;
  const isReplaced = existsSync(path);
  if (isReplaced) moveAside(path, aside);
  draft.publish();
  moveIfThere(troubleNote(place), troubleNote(aside));
  syncFolder(path);
  return { ...contents, aside: isReplaced ? aside : null };
}

function refuseUnfinished(from: string): void {
  if (!existsSync(from)) throw new Error("there is no such file");
  const log = `${realpathSync(from)}-wal`;
  if (bytesOf(log) > 0) throw new Error(`it is no finished copy: ${log} is there`);
}

/** Payments that are in no copy may be in it; and SQLite takes what lies there for the new file's. */
function refuseLog(path: string): void {
  const log = `${path}-wal`;
  if (bytesOf(log) === 0) return;
  throw new Error(
    `${log} is there, with payments that no copy has: start a worker on the old journal and stop it, \
or, if it cannot be started, move the log away (mv ${log} ${log}-before)`,
  );
}

function copyInto({ fd }: Draft, from: string, onBytes: OnBytes): void {
  const source = openSync(from, "r");
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let at = 0; ;) {
      const bytes = readSync(source, chunk, 0, CHUNK_BYTES, at);
      if (bytes === 0) break;
      writeAll(fd, chunk.subarray(0, bytes), at);
      onBytes((at += bytes));
    }
  } finally {
    closeSync(source);
  }
}

function writeAll(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(fd, bytes, done, bytes.length - done, at + done);
  }
}

/** Gives the old journal a second name, so that its place is never empty. */
function moveAside(path: string, aside: string): void {
  linkSync(path, aside);
  for (const end of ["-wal", "-shm"]) moveIfThere(`${path}${end}`, `${aside}${end}`);
}

/** Gives files that root has made to the worker's user. */
function giveToOwner(path: string, files: readonly string[]): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(existsSync(path) ? path : dirname(path));
  for (const file of files) chownSync(file, uid, gid);
}

function moveIfThere(path: string, to: string): void {
  if (existsSync(path)) renameSync(path, to);
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
