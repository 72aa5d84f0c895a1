/** Process: two simulated processors, the worker and two APIs. Composes only; one Ctrl-C stops all. */
import { startFront } from "./dev/front.ts";
import { GameDay } from "./dev/gameday.ts";
import { dropProxies, processesOf } from "./dev/plan.ts";
import { findTakenPort } from "./dev/ports.ts";
import { print, printPage } from "./dev/output.ts";
import { untilApiReady } from "./dev/readiness.ts";
import { scenarioOf, SCENARIO_NAMES } from "./dev/scenarios.ts";
import { devSettings, forScenario } from "./dev/settings.ts";
import { Shop } from "./dev/shop.ts";
import { onStop } from "./dev/signals.ts";
import { Supervisor } from "./dev/supervisor.ts";
import { welcome } from "./dev/welcome.ts";
import { argumentsOrExit, refuseArguments } from "./shared/arguments.ts";
import { exitWith, settingsOrExit } from "./shared/process.ts";
import { describeSettings, readSettings } from "./shared/settings.ts";
import { hearSignals } from "./shared/signals.ts";
import { urlOf } from "./simulator/server.ts";

const USAGE = `usage: bun run dev [--scenario ${SCENARIO_NAMES.join("|")}]

Two simulated processors, the worker and two APIs that share a port. What has been paid is kept in
DATA_DIR between runs; the simulated processors remember nothing. Further settings of the worker and
the APIs (PATIENCE_MS, JOURNAL_SYNC and the like) are passed on to them.

With --scenario payments are posted while the processors go through that weather again and again, to
be watched on the dashboard, and a small shop is told by webhooks and GET /events what becomes of
them. It begins with nothing, in data/gameday.`;

/** Time for the last words; their reader may not be reading any more. */
const LAST_WORD_MS_MAX = 500;

hearSignals();
const usage = describeSettings(USAGE, devSettings);
const { values } = argumentsOrExit({ usage, options: { scenario: { type: "string" } } });
const scenario = scenarioOf(values.scenario);
if (typeof scenario === "string") refuseArguments(usage, scenario);
const given = settingsOrExit(readSettings(devSettings, process.env));
const behindProxy = dropProxies(process.env);
const taken = await findTakenPort(given);
if (taken !== null) exitWith(taken);
const settings = scenario === null ? given : forScenario(given);

const shop = scenario === null ? null : new Shop();
const supervisor = new Supervisor(processesOf(settings, process.env, shop));
const gameDay = new GameDay(settings, shop);
const front = startFront(settings, gameDay, () => supervisor.crash("worker"));
onStop(
  async () => {
    await front.stop();
    const code = await supervisor.stop();
    await shop?.[Symbol.asyncDispose]();
    await Promise.race([print("dev", "everything is stopped"), Bun.sleep(LAST_WORD_MS_MAX)]);
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
  await printPage(
    welcome(settings, { behindProxy, dashboard: front.url, scenario: scenario?.name ?? null }),
  );
  shop?.begin(urlOf(settings.HOST, settings.PORT), (text) => void print("shop", text));
  if (scenario !== null) await gameDay.play(scenario);
} catch (error) {
  // A stop during the start ends the process by itself.
  if (!supervisor.stopping) {
    await supervisor.stop();
    exitWith(error as Error);
  }
}
