/** Runs the command that `worker` is given: the process ends with it, and no worker is started. */
import { complain } from "../shared/say.ts";
import { argumentsOrExit } from "../shared/arguments.ts";
import { CONFIG_OPTION, CONFIG_USAGE } from "../shared/config.ts";
import { checkConfig, settingsByHand } from "../shared/config-check.ts";
import { describeSettings } from "../shared/settings.ts";
import { leaveSignals } from "../shared/signals.ts";
import { auditByHand } from "./audit.ts";
import { backUpByHand } from "./backup.ts";
import { doctorByHand } from "./doctor.ts";
import { exportByHand } from "./export.ts";
import { migrateByHand } from "./migrate.ts";
import { moveByHand } from "./move.ts";
import { operateByHand } from "./operator.ts";
import { pruneByHand } from "./prune.ts";
import { restoreByHand } from "./restore.ts";
import { topByHand } from "./top.ts";
import { readWithProcessors, workerSettings } from "../worker/settings.ts";

/** Each does its work and gives the exit code that its usage tells; what it throws is said in one line. */
const COMMANDS: Record<string, (args: readonly string[]) => Promise<number>> = {
  operator: operateByHand,
  audit: auditByHand,
  doctor: doctorByHand,
  migrate: migrateByHand,
  move: moveByHand,
  top: topByHand,
  backup: backUpByHand,
  restore: restoreByHand,
  prune: pruneByHand,
  export: exportByHand,
  settings: async (args) => {
    argumentsOrExit({ usage: SETTINGS_USAGE }, args);
    return settingsByHand(workerSettings, readWithProcessors(workerSettings, process.env));
  },
};
/** Exit codes of those that could not do their work, where 1 has another meaning. */
const FAILED: Record<string, number> = { audit: 2, doctor: 2 };
/** Settings that only commands read. */
const COMMANDS_SETTINGS = ["WORKER_HTTP", "ACK_TIMEOUT_MS"];

const NAMES = [...Object.keys(COMMANDS), "healthcheck"];
const USAGE = `usage: worker [${NAMES.join("|")}]

Takes payments over the link, and settles them. With a command it does that instead, and ends;
worker COMMAND --help says more.

${CONFIG_USAGE}`;

const SETTINGS_USAGE = `usage: worker settings [--config FILE]

Prints the worker's settings that are in force, and where each comes from: the environment, the file and
its line, or the default. Of secrets it says only whether they are set. Exit code 1: one is bad.
`;

/** Returns when a worker is to be started, which it is without a single argument. */
export async function runCommandIfAsked(args: readonly string[]): Promise<void> {
  const [name = "", ...rest] = args;
  checkConfig(workerSettings, COMMANDS_SETTINGS);
  if (Object.hasOwn(COMMANDS, name)) {
    leaveSignals();
    process.exit(await codeOf(name, rest));
  }
  argumentsOrExit(
    { usage: describeSettings(USAGE, workerSettings), options: CONFIG_OPTION, commands: NAMES },
    args,
  );
}

async function codeOf(name: string, args: readonly string[]): Promise<number> {
  try {
    return await COMMANDS[name]!(args);
  } catch (error) {
    complain((error as Error).message);
    return FAILED[name] ?? 1;
  }
}
