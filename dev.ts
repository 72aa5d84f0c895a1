/** Process: two simulated processors, the worker and two APIs. Composes only; one Ctrl-C stops all. */
import { dropProxies, processesOf } from "./dev/plan.ts";
import { findTakenPort } from "./dev/ports.ts";
import { print, printPage } from "./dev/output.ts";
import { untilApiReady } from "./dev/readiness.ts";
import { devSettings } from "./dev/settings.ts";
import { onStop } from "./dev/signals.ts";
import { Supervisor } from "./dev/supervisor.ts";
import { welcome } from "./dev/welcome.ts";
import { exitWith, settingsOrExit } from "./shared/process.ts";

const USAGE = `usage: bun run dev

Two simulated processors, the worker and two APIs that share a port. What has been paid is kept in
DATA_DIR between runs; the simulated processors remember nothing. Further settings of the worker and
the APIs (PATIENCE_MS, JOURNAL_SYNC and the like) are passed on to them.`;

const settings = settingsOrExit(USAGE, devSettings);
const behindProxy = dropProxies(process.env);
const taken = await findTakenPort(settings);
if (taken !== null) exitWith(taken);

const supervisor = new Supervisor(processesOf(settings, process.env));
onStop(
  async () => {
    const code = await supervisor.stop();
    await print("dev", "everything is stopped");
    process.exit(code);
  },
  () => {
    supervisor.kill();
    process.exit(1);
  },
);

try {
  await supervisor.start();
  await untilApiReady(settings);
  await printPage(welcome(settings, behindProxy));
} catch (error) {
  // A stop while starting ends the process by itself.
  if (!supervisor.stopping) {
    await supervisor.stop();
    exitWith(error as Error);
  }
}
