/** Composes the API. */
import { startApi } from "./server.ts";
import { apiSettings } from "./settings.ts";
import { claimSocket } from "./unix-socket.ts";
import { openWorkers } from "./workers.ts";
import { argumentsOrExit } from "../shared/arguments.ts";
import { systemClock as clock } from "../shared/clock.ts";
import { socketPathOf } from "../shared/healthcheck.ts";
import { CONFIG_OPTION, CONFIG_USAGE } from "../shared/config.ts";
import { checkConfig, settingsByHand } from "../shared/config-check.ts";
import { createLog } from "../shared/log.ts";
import { whyNotServed } from "../shared/net/bind.ts";
import { refuseWhenFull } from "../shared/net/full.ts";
import { build } from "../shared/version.ts";
import { drainOnSignals, endOnExceptions, exitWith, settingsOrExit } from "../shared/process.ts";
import { describeSettings, readSettings } from "../shared/settings.ts";

const USAGE = `usage: api [healthcheck|settings]

Takes payments over HTTP. "healthcheck" asks the API of the same settings how it is, and exits 0 or 1;
"settings" prints what is in force, and where each comes from.

${CONFIG_USAGE}`;

const { words } = argumentsOrExit({
  usage: describeSettings(USAGE, apiSettings),
  options: CONFIG_OPTION,
  commands: ["healthcheck", "settings"],
  wordsMax: 1,
});
checkConfig(apiSettings);
if (words[0] === "settings") settingsByHand(apiSettings, readSettings(apiSettings, process.env));
const settings = settingsOrExit(readSettings(apiSettings, process.env));
const log = createLog("api", settings.LOG_LEVEL);
endOnExceptions(log);
log.info(build(), "starting");

await claimSocket(settings.HOST).catch(exitWith);
const workers = await openWorkers(settings, clock, log).catch(exitWith);
const api = startOrExit();

refuseWhenFull(api.incidents);
drainOnSignals(log, async () => {
  await api.stop();
  workers.close();
});
log.info({ url: api.url }, "ready");

function startOrExit() {
  try {
    return startApi({ settings, workers, log });
  } catch (error) {
    const { HOST: host, PORT: port } = settings;
    // At a socket of the file system there is no port that could be wrong.
    const isSocket = socketPathOf(host) !== null;
    const names = { host: "HOST", port: isSocket ? "HOST" : "PORT" };
    return exitWith(whyNotServed({ settings: names, host, port }, error));
  }
}
