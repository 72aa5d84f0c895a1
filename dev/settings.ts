import * as v from "valibot";
import { integer, setting, text, type SettingsOf } from "../shared/settings.ts";

/** Less than info would hide the lines by which a process says that it is ready. */
const LEVELS = ["trace", "debug", "info"] as const;
const port = () => integer(1, 65_535);

export const devSettings = {
  PORT: setting("9999", "HTTP port that the two APIs share", port()),
  HOST: setting("127.0.0.1", "address of the APIs and the simulated processors", text()),
  DEFAULT_PORT: setting("8001", "HTTP port of the simulated processor default", port()),
  FALLBACK_PORT: setting("8002", "HTTP port of the simulated processor fallback", port()),
  HTTP_PORT: setting("9995", "the worker's HTTP port", port()),
  LINK_PORT: setting("9996", "the worker's link (UDP)", port()),
  DATA_DIR: setting("./data/dev", "where payments are kept between runs", text()),
  LOG_LEVEL: setting("info", LEVELS.join(", "), v.picklist(LEVELS, `one of ${LEVELS.join(", ")}`)),
};
export type DevSettings = SettingsOf<typeof devSettings>;
