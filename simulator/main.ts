/** Composes the simulator. */
import { argumentsOrExit } from "../shared/arguments.ts";
import { applyConfig, CONFIG_OPTION, CONFIG_USAGE } from "../shared/config.ts";
import { checkConfig } from "../shared/config-check.ts";
import { healthcheckIfAsked } from "../shared/healthcheck.ts";
import { createLog } from "../shared/log.ts";
import { whyNotBound } from "../shared/net/bind.ts";
import { drainOnSignals, endOnExceptions, exitWith, settingsOrExit } from "../shared/process.ts";
import { describeSettings, readSettings } from "../shared/settings.ts";
import { build } from "../shared/version.ts";
import { startSimulator, type Simulator, type SimulatorOptions } from "./server.ts";
import { simulatorSettings, type SimulatorSettings } from "./settings.ts";

const USAGE = `usage: simulator [healthcheck]

A payment processor to develop and test against. State is in memory and lost on exit.
"healthcheck" asks the simulator on PORT whether it is alive, and exits 0 or 1.

${CONFIG_USAGE}`;

const usage = describeSettings(USAGE, simulatorSettings);
applyConfig();
argumentsOrExit({ usage, options: CONFIG_OPTION, commands: ["healthcheck"], wordsMax: 1 });
checkConfig(simulatorSettings);
const settings = settingsOrExit(readSettings(simulatorSettings, process.env));
await healthcheckIfAsked(settings.HOST, settings.PORT, "/simulator/livez");
run(settings);

function run({ NAME, FEE, HOST, PORT, LOG_LEVEL }: SimulatorSettings): void {
  const log = createLog("simulator", LOG_LEVEL);
  endOnExceptions(log);
  const simulator = startedOrExit({ name: NAME, fee: FEE, host: HOST, port: PORT });
  drainOnSignals(log, () => simulator.drain());
  log.info({ ...build(), name: NAME, fee: FEE, host: HOST, port: simulator.port }, "listening");
}

function startedOrExit(options: SimulatorOptions): Simulator {
  try {
    return startSimulator(options);
  } catch (error) {
    const names = { host: "HOST", port: "PORT" };
    return exitWith(whyNotBound({ settings: names, ...options }, error));
  }
}
