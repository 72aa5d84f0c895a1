/**
 * Writes a command's output on stdout before it returns, however much it is: an exit right after it cuts
 * nothing off. A reader that went away has read enough; any other failure to write is an error.
 */
import { writeSync } from "node:fs";

const STDOUT = 1;
const LOOK_MS = 5;

/** Gives false once nobody reads any more. */
export function say(text: string): boolean {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") throw new Error(`stdout: ${message}`, { cause: error });
      Bun.sleepSync(LOOK_MS); // The pipe that we were given does not wait.
    }
  }
  return true;
}

/** Writes on stderr; when that fails too there is nobody left to tell. */
export function complain(reason: string): void {
  try {
    writeSync(STDERR, `${reason}\n`);
  } catch {
    // The exit code says it.
  }
}
const STDERR = 2;
