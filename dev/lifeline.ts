/**
 * Loaded into every child before its own code. A child's stdin is a pipe that its parent never writes
 * to: it ends when the parent does, be it by SIGKILL, and then the child drains as on any SIGTERM.
 * Asking for the parent's id now and then was refused: it takes a timer and misses nothing less.
 */
export const LIFELINE = import.meta.path;
/** Set for children only. */
export const LIFELINE_NAME = "PAPA_LEGUAS_DEV_LIFELINE";

if (process.env[LIFELINE_NAME] === "stdin" && Bun.isMainThread) void endWithParent();

async function endWithParent(): Promise<void> {
  for await (const _ of Bun.stdin.stream()) {
    // Nothing is ever said.
  }
  process.kill(process.pid, "SIGTERM");
}
