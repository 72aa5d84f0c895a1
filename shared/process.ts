/**
 * Every process does the same at its edges: it reads settings or ends with one clear line, and it
 * drains on a signal.
 */
import type { Read } from "./settings.ts";
import { DRAIN_MS_MAX } from "./limits.ts";
import type { Log } from "./log.ts";
import { complain } from "./say.ts";
import { drainWith } from "./signals.ts";

/** Ends the process with one line and exit 1. */
export function exitWith(reason: string | Error): never {
  complain((reason instanceof Error ? reason.message : reason).replaceAll(/\s*\n\s*/g, " "));
  process.exit(1);
}

/** Ends the process, while it works, with one line in its log and exit 1. */
export function fatalIn(log: Log): (reason: string) => never {
  return (reason) => {
    log.fatal(reason);
    process.exit(1);
  };
}

/**
 * Ends the process on a broken invariant, wherever it shows: Bun by itself goes on while the module
 * that it was started with still awaits something, as every process does during its start.
 */
export function endOnExceptions(log: Log): void {
  const end = (error: unknown) => {
    if (log.isLevelEnabled("fatal")) log.fatal({ err: error }, "ended by an exception");
    else complain(String((error as Error).stack ?? error));
    process.exit(1);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}

/** Exits 1 with one line on a setting that does not parse. */
export function settingsOrExit<S>(read: Read<S>): S {
  return read.ok ? read.settings : exitWith(read.reason);
}

/** Runs `drain` once on a signal, then exits 0; a second signal, or a drain too long, exits 1. */
export function drainOnSignals(log: Log, drain: () => Promise<void>): void {
  drainWith(async (signal) => {
    log.info({ signal }, "draining");
    setTimeout(() => {
      log.error(`not drained within ${DRAIN_MS_MAX} ms`);
      process.exit(1);
    }, DRAIN_MS_MAX).unref();
    await drain();
    log.info("drained");
    process.exit(0);
  });
}
