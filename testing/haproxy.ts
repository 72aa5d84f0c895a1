/** Runs HAProxy with `haproxy.cfg` as it is, but for where everybody is. */
import { join } from "node:path";
import { freePorts } from "./ports.ts";
import { Child, type RunOptions } from "./process.ts";
import { ROOT } from "./programs.ts";
import { until } from "./until.ts";

export const WHY_NO_HAPROXY = Bun.which("haproxy") === null ? "skipped: there is no haproxy" : null;
/** End of the name of a test that needs it. */
export const NO_HAPROXY = WHY_NO_HAPROXY === null ? "" : ` (${WHY_NO_HAPROXY})`;

export type Balancer = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  /** Gives what each API counts, to a Prometheus. */
  readonly metricsUrl: string;
  readonly pid: number;
};

/** Ports of the API, or of two, and of the worker, and the folder for its configuration. */
export type Site = {
  readonly ports: { readonly PORT: number; readonly PORT_2?: number; readonly HTTP_PORT: number };
  readonly dataDir: string;
  readonly session?: RunOptions["session"];
};

export async function startHaproxy({ ports, dataDir, session = "own" }: Site): Promise<Balancer> {
  const { port, metrics } = await freePorts("port", "metrics");
  const text = await Bun.file(join(ROOT, "haproxy.cfg")).text();
  const placed = text
    .replaceAll("unix@/sockets/api1.sock", `127.0.0.1:${ports.PORT}`)
    .replaceAll("unix@/sockets/api2.sock", `127.0.0.1:${ports.PORT_2 ?? ports.PORT}`)
    .replaceAll("worker-inside:9995", `127.0.0.1:${ports.HTTP_PORT}`)
    .replace("bind :9999", `bind 127.0.0.1:${port}`)
    .replace("bind :9998", `bind 127.0.0.1:${metrics}`)
    .replace(/^frontend statistics[\s\S]*/m, "");
  const path = join(dataDir, "haproxy.cfg");
  await Bun.write(path, placed);
  const child = new Child({ command: ["haproxy", "-f", path], session });
  child.start();
  const url = `http://127.0.0.1:${port}`;
  const dispose = async () => void (await child.stop());
  try {
    await until("haproxy passes on", async () => {
      const answer = await fetch(`${url}/payments-summary`).catch(() => null);
      return answer?.ok === true;
    });
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    url,
    port,
    metricsUrl: `http://127.0.0.1:${metrics}`,
    pid: child.pid,
    [Symbol.asyncDispose]: dispose,
  };
}
