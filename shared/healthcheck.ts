/**
 * `NAME healthcheck`: a process asks the running one of the same settings how it is. Containers have
 * no shell and no curl, only the binary itself.
 */
const ANSWER_MS_MAX = 2_000;

/** Does nothing unless `healthcheck` is the first argument; then exits 0, or 1 with the reason. */
export async function healthcheckIfAsked(
  host: string,
  port: string | number,
  path: string,
): Promise<void> {
  if (process.argv[2] !== "healthcheck") return;
  const reason = await whyUnhealthy(`${originOf(host, port)}${path}`);
  if (reason !== null) process.stderr.write(`${reason}\n`);
  process.exit(reason === null ? 0 : 1);
}

/** Null when `url` answers with success, else the reason in one line. */
export async function whyUnhealthy(url: string): Promise<string | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    return answer.ok ? null : `${url} answered ${answer.status}: ${(await answer.text()).trim()}`;
  } catch (error) {
    return `${url}: ${(error as Error).message}`;
  }
}

/** Where whoever listens on `host` is reached from the same machine. */
export function originOf(host: string, port: string | number): string {
  const isEverywhere = host === "0.0.0.0" || host === "::" || host === "";
  const reachable = isEverywhere ? "127.0.0.1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}
