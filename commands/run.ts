/** Runs the command that `worker` is given: the process ends with it, and no worker is started. */
import { argumentsOrExit } from "../shared/arguments.ts";
import { describeSettings } from "../shared/settings.ts";
import { leaveSignals } from "../shared/signals.ts";
import { auditByHand } from "./audit.ts";
import { doctorByHand } from "./doctor.ts";
import { migrateByHand } from "./migrate.ts";
import { operateByHand } from "./operator.ts";
import { topByHand } from "./top.ts";
import { workerSettings } from "../worker/settings.ts";

const COMMANDS: Record<string, (args: readonly string[]) => Promise<never>> = {
  operator: operateByHand,
  audit: auditByHand,
  doctor: doctorByHand,
  migrate: migrateByHand,
  top: topByHand,
};

const NAMES = [...Object.keys(COMMANDS), "healthcheck"];
const USAGE = `usage: worker [${NAMES.join("|")}]

Takes payments over the link, and settles them. With a command it does that instead, and ends;
worker COMMAND --help says more.`;

/** Returns when a worker is to be started, which it is without a single argument. */
export async function runCommandIfAsked(args: readonly string[]): Promise<void> {
  const [name = "", ...rest] = args;
  if (Object.hasOwn(COMMANDS, name)) {
    leaveSignals();
    await COMMANDS[name]?.(rest);
  }
  argumentsOrExit({ usage: describeSettings(USAGE, workerSettings), commands: NAMES }, args);
}
