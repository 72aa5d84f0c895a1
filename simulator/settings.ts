import * as v from "valibot";
import {
  commonSettings,
  host,
  integer,
  setting,
  text,
  type SettingsOf,
} from "../shared/settings.ts";

const FEE = "a decimal from 0 to 1";
const fee = () =>
  v.pipe(v.string(), v.regex(/^\d(\.\d{1,6})?$/, FEE), v.transform(Number), v.maxValue(1, FEE));

export const simulatorSettings = {
  NAME: setting("default", "the processor's name, for the log", text()),
  HOST: setting("0.0.0.0", "HTTP address", host()),
  PORT: setting("8001", "HTTP port", integer(0, 65535)),
  FEE: setting("0.05", "the processor's share of every amount", fee()),
  LOG_LEVEL: commonSettings.LOG_LEVEL,
};
export type SimulatorSettings = SettingsOf<typeof simulatorSettings>;
