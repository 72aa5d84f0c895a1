/** Composes the simulator. */
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { applyConfig, CONFIG_OPTION, CONFIG_USAGE } from "../shared/config.ts";
import { checkConfig } from "../shared/config-check.ts";
import { healthcheckIfAsked } from "../shared/healthcheck.ts";
import { createLog } from "../shared/log.ts";
import { whyNotServed } from "../shared/net/bind.ts";
import { drainOnSignals, endOnExceptions, exitWith, settingsOrExit } from "../shared/process.ts";
import { describeSettings, readSettings } from "../shared/settings.ts";
import { build } from "../shared/version.ts";
import type { Form } from "./processor/form.ts";
import { RINHA } from "./processor/rinha.ts";
import { StripeForm } from "./processor/stripe.ts";
import { startSimulator, type Simulator, type SimulatorOptions } from "./server.ts";
import { simulatorSettings, type SimulatorSettings } from "./settings.ts";

const USAGE = `usage: simulator [--kind rinha|stripe] [--forget-after SECONDS] [--payment-method NAME] [healthcheck]

A payment processor to develop and test against. State is in memory and lost on exit.
--kind stripe stands in for Stripe's payment intents: with --forget-after an Idempotency-Key is
forgotten after so many seconds (86400), and --payment-method stands for the card of a call that names
none, such as pm_card_visa.
"healthcheck" asks the simulator on PORT whether it is alive, and exits 0 or 1.

${CONFIG_USAGE}`;

const KIND_OPTIONS = {
  kind: { type: "string" },
  "forget-after": { type: "string" },
  "payment-method": { type: "string" },
} as const;
const usage = describeSettings(USAGE, simulatorSettings);
applyConfig();
const { values } = argumentsOrExit({
  usage,
  options: { ...CONFIG_OPTION, ...KIND_OPTIONS },
  commands: ["healthcheck"],
  wordsMax: 1,
});
checkConfig(simulatorSettings);
const settings = settingsOrExit(readSettings(simulatorSettings, process.env));
await healthcheckIfAsked(settings.HOST, settings.PORT, "/simulator/livez");
run(settings, formOf(values));

type KindValues = { readonly [name in keyof typeof KIND_OPTIONS]?: string };

function formOf({ kind = "rinha", ...of }: KindValues): Form {
  const seconds = Number(of["forget-after"] ?? 86_400);
  if (!(seconds > 0)) refuseArguments(USAGE, "--forget-after is no number of seconds");
  if (kind === "rinha") return RINHA;
  if (kind !== "stripe") refuseArguments(USAGE, "--kind is neither rinha nor stripe");
  const paymentMethod = of["payment-method"] ?? null;
  return new StripeForm({ forgetAfterMs: seconds * 1_000, paymentMethod });
}

function run({ NAME, FEE, HOST, PORT, LOG_LEVEL }: SimulatorSettings, form: Form): void {
  const log = createLog("simulator", LOG_LEVEL);
  endOnExceptions(log);
  const simulator = startedOrExit({ name: NAME, fee: FEE, host: HOST, port: PORT, form });
  drainOnSignals(log, () => simulator.drain());
  log.info({ ...build(), name: NAME, fee: FEE, host: HOST, port: simulator.port }, "listening");
}

function startedOrExit(options: SimulatorOptions): Simulator {
  try {
    return startSimulator(options);
  } catch (error) {
    const names = { host: "HOST", port: "PORT" };
    return exitWith(whyNotServed({ settings: names, ...options }, error));
  }
}
