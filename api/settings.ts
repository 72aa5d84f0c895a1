import {
  bothSettings,
  endpoint,
  httpUrl,
  integer,
  setting,
  text,
  type SettingsOf,
} from "../shared/settings.ts";
import { API_ADDRESS } from "./address.ts";

export const apiSettings = {
  PORT: setting(API_ADDRESS.port, "HTTP port", integer(0, 65535)),
  HOST: setting(API_ADDRESS.host, "HTTP address", text()),
  WORKER_LINK: setting(
    "127.0.0.1:9996",
    "the worker's link; a name is resolved again when the worker stops answering",
    endpoint(),
  ),
  WORKER_HTTP: setting(
    "http://127.0.0.1:9995",
    "where summary, status and purge are passed on to",
    httpUrl(),
  ),
  ACK_TIMEOUT_MS: setting(
    "1000",
    "how long to wait for the worker's acknowledgement; then 503",
    integer(10, 60_000),
  ),
  AMOUNT_MAX: setting("1000000", "largest amount taken", integer(1, 1_000_000_000)),
  ...bothSettings,
};
export type ApiSettings = SettingsOf<typeof apiSettings>;
