/** A call to the worker's HTTP listener. */
import * as v from "valibot";
import { parseHttpUrl, readSettings, setting } from "../../shared/settings.ts";
import { workerSettings } from "../settings.ts";

/** Longer than the worker takes to say that it does not know. */
const TIMEOUT_MS = 12_000;
/** An address to listen on that stands for all of them is no address to call. */
const ANY_HOST: Record<string, string> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

const { HTTP_HOST, HTTP_PORT, ADMIN_TOKEN } = workerSettings;
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
  ADMIN_TOKEN,
};

type Caller = (method: "GET" | "POST", target: string, body: string | null) => Promise<string>;

/** Throws with one line on a bad setting; the caller does when the answer is not 200. */
export function callerFrom(env: Record<string, string | undefined>): Caller {
  const read = readSettings(TABLE, env);
  if (!read.ok) throw new Error(read.reason);
  const { settings } = read;
  if (settings.ADMIN_TOKEN === null) throw new Error("ADMIN_TOKEN: the worker's token is needed");
  const authorization = `Bearer ${settings.ADMIN_TOKEN}`;
  const url = settings.WORKER_HTTP ?? urlOf(settings.HTTP_HOST, settings.HTTP_PORT);
  return (method, target, body) => call(url, { method, headers: { authorization }, body }, target);
}

async function call(url: string, init: RequestInit, target: string): Promise<string> {
  let response: Response;
  let text: string;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(url + target, { ...init, signal, proxy: false } as RequestInit);
    text = await response.text();
  } catch (error) {
    throw new Error(`no worker answers at ${url}`, { cause: error });
  }
  if (response.ok) return text;
  throw new Error(`${response.status}: ${detailOf(text)}`);
}

function detailOf(text: string): string {
  try {
    return String((JSON.parse(text) as { detail?: unknown }).detail);
  } catch {
    return text.slice(0, 200); // Something else answers there.
  }
}

function urlOf(host: string, port: number): string {
  const name = ANY_HOST[host] ?? host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
