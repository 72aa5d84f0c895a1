/**
 * Process: two simulated processors, the worker and two APIs, or two workers over a PostgreSQL. Composes
 * only; one Ctrl-C stops all.
 */
import { startFront } from "./dev/front.ts";
import { GameDay } from "./dev/gameday.ts";
import { dropProxies, processesOf, workersOf } from "./dev/plan.ts";
import { findTakenPort } from "./dev/ports.ts";
import { print, printPage } from "./dev/output.ts";
import { untilApiReady, whoAnswers } from "./dev/readiness.ts";
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
import { startPostgres } from "./testing/postgres.ts";

const USAGE = `usage: bun run dev [--cluster] [--scenario ${SCENARIO_NAMES.join("|")}]

Two simulated processors, the worker and two APIs that share a port. What has been paid is kept in
DATA_DIR between runs; the simulated processors remember nothing. Further settings of the worker and
the APIs (PATIENCE_MS, JOURNAL_SYNC and the like) are passed on to them.

With --scenario payments are posted while the processors go through that weather again and again, to
be watched on the dashboard, and a small shop is told by webhooks and GET /events what becomes of
them. It begins with nothing, in data/gameday.

With --cluster two workers share a PostgreSQL of Debian's package postgresql, 15 or later, which is
started for it on a free port, and forgotten in the end.`;

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

const postgres = isCluster ? await startPostgres().catch(exitWith) : null;
const database = (await postgres?.database()) ?? null;
const shop = scenario === null ? null : new Shop();
const supervisor = new Supervisor(processesOf(settings, process.env, { shop, database }));
const gameDay = new GameDay(settings, shop);
const workers = workersOf(settings, isCluster);
const origins = workers.map(({ http }) => http);
const front = startFront(settings, origins, gameDay, async () => {
  const [answering = workers[0]] = await whoAnswers(workers);
  supervisor.crash(answering?.name ?? "");
});
onStop(
  async () => {
    await front.stop();
    const code = await supervisor.stop();
    await shop?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
    await Promise.race([print("dev", "everything is stopped"), Bun.sleep(LAST_WORD_MS_MAX)]);
    process.exit(code);
  },
  () => {
    supervisor.kill();
    postgres?.child.signal("SIGKILL");
    process.exit(1);
  },
);

try {
  await supervisor.start();
  await untilApiReady(settings);
  await printPage(
    welcome(settings, {
      behindProxy,
      dashboard: front.url,
      scenario: scenario?.name ?? null,
      isCluster,
    }),
  );
  shop?.begin(urlOf(settings.HOST, settings.PORT), (text) => void print("shop", text));
  if (scenario !== null) await gameDay.play(scenario);
} catch (error) {
  // A stop during the start ends the process by itself.
  if (!supervisor.stopping) {
    await supervisor.stop();
    await postgres?.[Symbol.asyncDispose]();
    exitWith(error as Error);
  }
}
