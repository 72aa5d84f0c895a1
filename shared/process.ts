/** What every process does at its edges: settings or one clear line, and a drain that signals start. */
import { describeSettings, readSettings, type SettingsOf, type SettingsTable } from "./settings.ts";
import { DRAIN_MS_MAX } from "./limits.ts";
import type { Log } from "./log.ts";
import { drainWith } from "./signals.ts";

/** One line, exit 1. */
export function exitWith(reason: string | Error): never {
  process.stderr.write(`${reason instanceof Error ? reason.message : reason}\n`);
  process.exit(1);
}

/** For what comes to light while the process works: one line in its log, exit 1. */
export function fatalIn(log: Log): (reason: string) => never {
  return (reason) => {
    log.fatal(reason);
    process.exit(1);
  };
}

/** Prints help and exits on `--help`; exits 1 with one line on a setting that does not parse. */
export function settingsOrExit<T extends SettingsTable>(usage: string, table: T): SettingsOf<T> {
  if (process.argv.includes("--help") || process.argv.includes("-h")) {
    process.stdout.write(describeSettings(usage, table));
    process.exit(0);
  }
  const read = readSettings(table, process.env);
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
