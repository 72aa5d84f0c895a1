/** Says why nothing can listen at an address, and names the setting that is wrong: the host, or the port. */
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
  const whose = WHOSE[code];
  const wrong = whose === undefined ? `${settings.host}, ${settings.port}` : settings[whose];
  return `${wrong}: cannot listen at ${host}:${port}: ${WORDS[code] ?? message}`;
}
