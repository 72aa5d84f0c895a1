/**
 * Process: two simulated processors, the worker and two APIs, or two workers over a PostgreSQL. Composes
 * only; one Ctrl-C stops all.
 */
import { startDatabase } from "./dev/database.ts";
import { startFront } from "./dev/front.ts";
import { GameDay } from "./dev/gameday.ts";
import { dropProxies, processesOf, workersOf } from "./dev/plan.ts";
import { findTakenPort } from "./dev/ports.ts";
import { print, printPage } from "./dev/output.ts";
import { untilApiReady } from "./dev/readiness.ts";
import { scenarioOf } from "./dev/scenarios.ts";
import { devSettings, forScenario } from "./dev/settings.ts";
import { onStop } from "./dev/signals.ts";
import { Supervisor } from "./dev/supervisor.ts";
import { USAGE } from "./dev/usage.ts";
import { welcome } from "./dev/welcome.ts";
import { argumentsOrExit, refuseArguments } from "./shared/arguments.ts";
import { exitWith, settingsOrExit } from "./shared/process.ts";
import { describeSettings, readSettings } from "./shared/settings.ts";
import { hearSignals } from "./shared/signals.ts";

/** Time for the last words; their reader may not be reading any more. */
const LAST_WORD_MS_MAX = 500;

hearSignals();
const usage = describeSettings(USAGE, devSettings);
const { values } = argumentsOrExit({
  usage,
  options: { scenario: { type: "string" }, cluster: { type: "boolean", default: false } },
});
const isCluster = values.cluster;
const scenario = scenarioOf(values.scenario);
if (typeof scenario === "string") refuseArguments(usage, scenario);
const given = settingsOrExit(readSettings(devSettings, process.env));
const behindProxy = dropProxies(process.env);
const taken = await findTakenPort(given, isCluster);
if (taken !== null) exitWith(taken);
const settings = scenario === null ? given : forScenario(given);

const database = isCluster ? await startDatabase().catch(exitWith) : null;
const of = { audited: scenario !== null, database: database?.url ?? null };
const plan = processesOf(settings, process.env, of);
const supervisor = new Supervisor(plan);
const gameDay = new GameDay(settings);
const workers = workersOf(settings, isCluster);
const front = startFront(settings, workers, gameDay, (worker) => supervisor.crash(worker));
onStop(
  async () => {
    await front.stop();
    const code = await supervisor.stop();
    await database?.stop();
    await Promise.race([print("dev", "everything is stopped"), Bun.sleep(LAST_WORD_MS_MAX)]);
    process.exit(code);
  },
  () => {
    supervisor.kill();
    database?.kill();
    process.exit(1);
  },
);

try {
  await supervisor.start();
  await untilApiReady(settings);
  const shown = { behindProxy, dashboard: front.url, scenario: scenario?.name ?? null, isCluster };
  await printPage(welcome(settings, shown));
  if (scenario !== null) await gameDay.play(scenario);
} catch (error) {
  // A stop during the start ends the process by itself.
  if (!supervisor.stopping) {
    await supervisor.stop();
    await database?.stop();
    exitWith(error as Error);
  }
}
