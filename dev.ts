/**
 * Process: two simulated processors, the worker and two APIs, or two workers over a PostgreSQL. Composes
 * only; one Ctrl-C stops all.
 */
import { runGateway } from "./dev/gateway.ts";
import { dropProxies } from "./dev/plan.ts";
import { findTakenPort } from "./dev/ports.ts";
import { scenarioOf, SCENARIO_NAMES } from "./dev/scenarios.ts";
import { devSettings, forScenario } from "./dev/settings.ts";
import { argumentsOrExit, refuseArguments } from "./shared/arguments.ts";
import { exitWith, settingsOrExit } from "./shared/process.ts";
import { describeSettings, readSettings } from "./shared/settings.ts";
import { hearSignals } from "./shared/signals.ts";

const USAGE = `usage: bun run dev [--cluster] [--scenario ${SCENARIO_NAMES.join("|")}]

Two simulated processors, the worker and two APIs that share a port. What has been paid is kept in
DATA_DIR between runs; the simulated processors remember nothing. Further settings of the worker and
the APIs (PATIENCE_MS, JOURNAL_SYNC and the like) are passed on to them.

With --scenario payments are posted while the processors go through that weather again and again, to
be watched on the dashboard, and a small shop is told by webhooks and GET /events what becomes of
them. It begins with nothing, in data/gameday.

With --cluster two workers share a PostgreSQL of Debian's package postgresql, 15 or later, which is
started for it on a free port, and forgotten in the end.`;

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

await runGateway({ settings, scenario, isCluster, behindProxy });
