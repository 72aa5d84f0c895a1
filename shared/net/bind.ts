/** Says why nothing can listen at an address, and names the setting that is wrong: the host, or the port. */
import { isIP } from "node:net";

const WHOSE: Record<string, "host" | "port"> = {
  EADDRNOTAVAIL: "host",
  ENOTFOUND: "host",
  EADDRINUSE: "port",
  EACCES: "port",
};
const WORDS: Record<string, string> = {
  ENOTFOUND: "no such name is known",
  EADDRNOTAVAIL: "this machine has no such address",
  EADDRINUSE: "something else listens there",
  EACCES: "this user may not listen at such a port",
};

export type Listening = {
  /** Names of the settings. */
  readonly settings: { readonly host: string; readonly port: string };
  readonly host: string;
  readonly port: number;
};

/** Gives one line; where the error does not tell them apart, both are named. */
export function whyNotBound({ settings, host, port }: Listening, error: unknown): string {
  const { code = "", message } = error as { readonly code?: string; readonly message: string };
  const at = `cannot listen at ${host}:${port}`;
  const whose = WHOSE[code];
  if (whose !== undefined) return `${settings[whose]}: ${at}: ${WORDS[code]}`;
  // Bun says no more of a name that does not resolve.
  if (isName(host)) return `${settings.host}: ${at}: does this name resolve? (${message})`;
  return `${settings.host}, ${settings.port}: ${at}: ${message}`;
}

/**
 * The same of an error of `Bun.serve`. Where a name does not resolve, that has the number of whichever error
 * came before, so that Bun.listen is asked again.
 */
export function whyNotServed(at: Listening, error: unknown): string {
  return whyNotBound(at, isName(at.host) ? (listenError(at) ?? error) : error);
}

function listenError({ host, port }: Listening): unknown {
  try {
    Bun.listen({ hostname: host, port, socket: { data() {} } }).stop(true);
    return null;
  } catch (error) {
    return error;
  }
}

function isName(host: string): boolean {
  return isIP(host) === 0 && !host.includes("/");
}
