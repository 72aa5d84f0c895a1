/**
 * Runs `NAME healthcheck`: a process asks the running one of the same settings how it is.
 * Containers have no shell and no curl, only the binary itself.
 */
import { complain } from "./say.ts";

const USAGE = `usage: api|worker|simulator healthcheck

Asks the running process of the same settings how it is: exit code 0, or 1 with the reason.`;

const ANSWER_MS_MAX = 2_000;

/** Does nothing unless `healthcheck` is the first argument; then exits 0, or 1 with the reason. */
export async function healthcheckIfAsked(
  host: string,
  port: string | number,
  path: string,
): Promise<void> {
  if (process.argv[2] !== "healthcheck") return;
  await refuseMore(process.argv.slice(3));
  const reason = await whyUnhealthy(originOf(host, port), path);
  if (reason !== null) complain(reason);
  process.exit(reason === null ? 0 : 1);
}

/** A check is short, and loads what reads a command line only for the one that is wrong. */
async function refuseMore(args: readonly string[]): Promise<void> {
  if (args.length === 0) return;
  const { argumentsOrExit } = await import("./arguments.ts");
  argumentsOrExit({ usage: USAGE }, args);
}

/** Null when `origin` answers this path with success, else the reason in one line. */
export async function whyUnhealthy(origin: string, path: string): Promise<string | null> {
  const unix = socketPathOf(origin);
  const [url, name] =
    unix === null ? [origin + path, origin + path] : [`http://localhost${path}`, origin];
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const there = unix === null ? {} : { unix };
    const answer = await fetch(url, { signal, proxy: false, ...there } as BunFetchRequestInit);
    return answer.ok ? null : `${name} answered ${answer.status}: ${(await answer.text()).trim()}`;
  } catch (error) {
    return `${name}: ${(error as Error).message}`;
  }
}

/** The path in `unix:/path/to/socket`; null when it is a name or an address of the network. */
export function socketPathOf(host: string): string | null {
  return host.startsWith(UNIX) ? host.slice(UNIX.length) : null;
}
const UNIX = "unix:";

/** Address at which a listener on `host` is reached from the same machine. */
export function originOf(host: string, port: string | number): string {
  if (socketPathOf(host) !== null) return host;
  const isEverywhere = host === "0.0.0.0" || host === "::" || host === "";
  const reachable = isEverywhere ? "127.0.0.1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}
