import { isAbsolute } from "node:path";
import * as v from "valibot";
import { AMOUNT_CENTS_MAX } from "../shared/limits.ts";
import { socketPathOf } from "../shared/healthcheck.ts";
import {
  commonSettings,
  endpoints,
  httpUrls,
  integer,
  isHost,
  optionalTokens,
  setting,
  type SettingsOf,
} from "../shared/settings.ts";
import { API_ADDRESS } from "./address.ts";

/** Room that the kernel has for a socket's path, less the zero at the end. */
const SOCKET_PATH_BYTES_MAX = 107;

/** An address of the network, or `unix:/path/to/socket`. */
const listenHost = () =>
  v.pipe(
    v.string(),
    v.check((host) => {
      const path = socketPathOf(host);
      return path === null ? isHost(host) : isSocketPath(path);
    }, `an address, or unix: and an absolute path of at most ${SOCKET_PATH_BYTES_MAX} bytes`),
  );

function isSocketPath(path: string): boolean {
  const fits = Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
  return fits && isAbsolute(path) && !path.endsWith("/");
}

export const apiSettings = {
  PORT: setting(API_ADDRESS.port, "HTTP port; not used with a socket", integer(0, 65535)),
  HOST: setting(
    API_ADDRESS.host,
    "HTTP address, or unix:/path/to/socket, which whoever may enter its folder can connect to",
    listenHost(),
  ),
  WORKER_LINK: setting(
    "127.0.0.1:9996",
    "the worker's link; a name is followed when it moves; of several workers on one database all, separated by commas",
    endpoints(),
  ),
  WORKER_HTTP: setting(
    "http://127.0.0.1:9995",
    "where summary, status and purge are passed on to; of several workers all, separated by commas",
    httpUrls(),
  ),
  ACK_TIMEOUT_MS: setting(
    "1000",
    "how long to wait for the worker's acknowledgement; then 503",
    integer(10, 60_000),
  ),
  AMOUNT_MAX: setting("1000000", "largest amount taken", integer(1, AMOUNT_CENTS_MAX / 100)),
  READ_TOKEN: setting(
    "",
    "bearer token that reads payments and events here (GET /payments, GET /events), or NEW,OLD while it is rotated; without one neither is there",
    optionalTokens(),
    "secret",
  ),
  ...commonSettings,
};
export type ApiSettings = SettingsOf<typeof apiSettings>;
