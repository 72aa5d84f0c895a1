/** This process's stdout, written to at once and never waited for where that can be helped. */
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import type { Output } from "./sink.ts";

const STDOUT = 1;

/**
 * Opens a pipe or a terminal again, so that a reader who does not read holds up nobody: not to wait
 * is a property of what was opened, and what we were given may be shared with others. A file never
 * lets anybody wait for a reader, and has its place to write at only as it was given.
 */
export function openStdout(): Output {
  const fd = reopened() ?? STDOUT;
  return { write: (bytes) => writeSync(fd, bytes) };
}

function reopened(): number | null {
  try {
    const stat = fstatSync(STDOUT);
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return null;
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
    return openSync("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return null; // It is closed, has no reader any more, or belongs to somebody else.
  }
}
