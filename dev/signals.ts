/** Ends `dev` on SIGINT, SIGTERM, a terminal that closes, or the end of the `bun run` that started it. */

import { leaveSignals } from "../shared/signals.ts";

/** The terminal and `bun run` both hand a Ctrl-C on: what follows this closely is the same one. */
const SAME_SIGNAL_MS = 1_000;
const PARENT_CHECK_MS = 500;

/** Calls `stop` once, and `kill` when a person asks again. */
export function onStop(stop: () => void, kill: () => void): void {
  let askedAtMs: number | null = null;
  const ask = () => {
    const nowMs = performance.now();
    if (askedAtMs === null) {
      askedAtMs = nowMs;
      stop();
    } else if (nowMs - askedAtMs > SAME_SIGNAL_MS) kill();
  };
  leaveSignals();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, ask);
  if (process.env["npm_lifecycle_event"] !== undefined) watchParent(ask);
}

/** `bun run` hands signals on, but not its own SIGKILL; started otherwise, a parent may leave us. */
function watchParent(gone: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    gone();
  }, PARENT_CHECK_MS);
  timer.unref();
}
