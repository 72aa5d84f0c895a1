/**
 * A file in the making is `.partial` until it is whole and on disk, and gets its name in one step. Its
 * maker holds flock(2) on it, so that what a killed one has left is told from what is being written.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { lockFile } from "./libc.ts";

const PARTIAL = ".partial";

export class Draft implements Disposable {
  /** Its name until it is published. */
  readonly path: string;
  readonly fd: number;
  #isPublished = false;

  /** Throws when somebody else writes it. What a killed maker has left is written anew. */
  constructor(readonly finalPath: string) {
    this.path = partialOf(finalPath);
    this.fd = lockedAt(this.path, constants.O_CREAT);
    ftruncateSync(this.fd, 0);
    removeLogs(this.path);
  }

  /** Gives it its name; what had that name is replaced. */
  publish(): void {
    fsyncSync(this.fd);
    renameSync(this.path, this.finalPath);
    this.#isPublished = true;
    syncFolder(this.finalPath);
  }

  /** Removes it, unless it was published, and lets go of it. */
  [Symbol.dispose](): void {
    if (!this.#isPublished) removePartial(this.finalPath);
    closeSync(this.fd);
  }
}

/** Makes names that were given in the folder of this file survive a power cut. */
export function syncFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

export function partialOf(finalPath: string): string {
  return `${finalPath}${PARTIAL}`;
}

/** The final name that a draft of this name would get; null when it is no draft. */
export function finalNameOf(name: string): string | null {
  return name.endsWith(PARTIAL) ? name.slice(0, -PARTIAL.length) : null;
}

/** Removes what a killed maker has left; leaves what is being written. */
export function sweep(finalPath: string): void {
  try {
    const fd = lockedAt(partialOf(finalPath), 0);
    removePartial(finalPath);
    closeSync(fd);
  } catch {
    // It is somebody's, or gone already.
  }
}

/** Removes what this process writes, or nobody, with SQLite's logs of it. */
export function removePartial(finalPath: string): void {
  const path = partialOf(finalPath);
  removeLogs(path);
  rmSync(path, { force: true });
}

function lockedAt(path: string, flags: number): number {
  const fd = openSync(path, constants.O_RDWR | flags, 0o644);
  // The file may have been published, and be somebody's copy, before it was locked.
  if (lockFile(fd) && existsSync(path) && statSync(path).ino === fstatSync(fd).ino) return fd;
  closeSync(fd);
  throw new Error(`${path} is being written by another process`);
}

function removeLogs(path: string): void {
  for (const end of ["-journal", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
}
