import { rmSync } from "node:fs";
import { resolve } from "node:path";
import * as v from "valibot";
import { host, integer, setting, text, type SettingsOf } from "../shared/settings.ts";

/** Less than info would hide the lines by which a process says that it is ready. */
const LEVELS = ["trace", "debug", "info"] as const;
const port = () => integer(1, 65_535);

export const devSettings = {
  PORT: setting("9999", "HTTP port that the two APIs share", port()),
  HOST: setting("127.0.0.1", "address of the APIs and the simulated processors", host()),
  DEFAULT_PORT: setting("8001", "HTTP port of the simulated processor default", port()),
  FALLBACK_PORT: setting("8002", "HTTP port of the simulated processor fallback", port()),
  HTTP_PORT: setting("9995", "the worker's HTTP port", port()),
  LINK_PORT: setting("9996", "the worker's link (UDP)", port()),
  SECOND_HTTP_PORT: setting("9994", "the second worker's HTTP port, with --cluster", port()),
  SECOND_LINK_PORT: setting("9997", "the second worker's link (UDP), with --cluster", port()),
  DASHBOARD_PORT: setting("9990", "HTTP port of the dashboard with game day", port()),
  DATA_DIR: setting("./data/dev", "where payments are kept between runs", text()),
  LOG_LEVEL: setting("info", LEVELS.join(", "), v.picklist(LEVELS, `one of ${LEVELS.join(", ")}`)),
};
export type DevSettings = SettingsOf<typeof devSettings>;

const GAME_DAY_DIR = "./data/gameday";

/** Both sides begin with nothing, or their books would differ from the start. */
export function forScenario(settings: DevSettings): DevSettings {
  const isGiven = process.env["DATA_DIR"] !== undefined;
  const DATA_DIR = isGiven ? settings.DATA_DIR : GAME_DAY_DIR;
  if (!isGiven) rmSync(resolve(import.meta.dir, "..", DATA_DIR), { recursive: true, force: true });
  return { ...settings, DATA_DIR };
}
