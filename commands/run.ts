/** Runs the command that `worker` is given: the process ends with it, and no worker is started. */
import { leaveSignals } from "../shared/signals.ts";
import { auditByHand } from "./audit.ts";
import { doctorByHand } from "./doctor.ts";
import { operateByHand } from "./operator.ts";
import { topByHand } from "./top.ts";

const COMMANDS: Record<string, (args: readonly string[]) => Promise<never>> = {
  operator: operateByHand,
  audit: auditByHand,
  doctor: doctorByHand,
  top: topByHand,
};

const NAMES = Object.keys(COMMANDS).join(", ");
export const WORKER_USAGE = `worker: takes payments over the link, settles them.
Commands: ${NAMES}, healthcheck; worker COMMAND --help says more.`;

/** Returns when no command is named. */
export async function runCommandIfAsked([name = "", ...args]: readonly string[]): Promise<void> {
  if (!Object.hasOwn(COMMANDS, name)) return;
  leaveSignals();
  await COMMANDS[name]?.(args);
}
