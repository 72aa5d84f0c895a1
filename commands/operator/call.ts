/** Makes an operator's call to the worker's HTTP listener. */
import { detailOf } from "../../shared/problem.ts";
import { readSettings } from "../../shared/settings.ts";
import { workerSettings } from "../../worker/settings.ts";
import { workerUrl } from "../worker-address.ts";

/** The timeout is longer than the worker takes to say that it does not know. */
const TIMEOUT_MS = 12_000;
const { ADMIN_TOKEN } = workerSettings;

const NO_TOKEN =
  "ADMIN_TOKEN: the worker's token is needed; a worker that was started without one takes no such calls";

type Caller = (method: "GET" | "POST", target: string, body: string | null) => Promise<string>;

/**
 * Throws with one line on a bad setting; the caller that it gives throws when an answer is not a success.
 */
export function callerFrom(env: Record<string, string | undefined>): Caller {
  const url = workerUrl(env);
  const read = readSettings({ ADMIN_TOKEN }, env);
  if (!read.ok) throw new Error(read.reason);
  const [token] = read.settings.ADMIN_TOKEN ?? [];
  if (token === undefined) throw new Error(NO_TOKEN);
  const authorization = `Bearer ${token}`;
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
  throw new Error(`${response.status}: ${detailOf(text) ?? text.slice(0, 200)}`);
}
