/** Finds the running worker for commands. */
import * as v from "valibot";
import { originOf } from "../shared/healthcheck.ts";
import { parseHttpUrl, readSettings, setting } from "../shared/settings.ts";
import { workerSettings } from "../worker/settings.ts";

const { HTTP_HOST, HTTP_PORT } = workerSettings;
const TABLE = {
  WORKER_HTTP: setting(
    "",
    "where the worker listens, if it is not HTTP_HOST and HTTP_PORT",
    v.pipe(
      v.string(),
      v.check((value) => value === "" || parseHttpUrl(value) !== null, "an http:// address"),
      v.transform((value) => (value === "" ? null : parseHttpUrl(value))),
    ),
  ),
  HTTP_HOST,
  HTTP_PORT,
};

/** Throws with one line on a bad setting. */
export function workerUrl(env: Record<string, string | undefined>): string {
  const read = readSettings(TABLE, env);
  if (!read.ok) throw new Error(read.reason);
  const { settings } = read;
  return settings.WORKER_HTTP ?? originOf(settings.HTTP_HOST, settings.HTTP_PORT);
}
