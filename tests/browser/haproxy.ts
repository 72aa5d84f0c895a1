/** `haproxy.cfg` as it is, but for where everybody is. */
import { join, resolve } from "node:path";
import type { Ports } from "../system/stand.ts";
import { until } from "../system/until.ts";

const CONFIGURATION = resolve(import.meta.dir, "../../haproxy.cfg");

export const WHY_NO_HAPROXY = Bun.which("haproxy") === null ? "skipped: there is no haproxy" : null;

export type Balancer = AsyncDisposable & { readonly url: string; readonly process: Bun.Subprocess };

/** Where API and worker are, and where its configuration is to be written. */
export type Site = {
  readonly ports: Pick<Ports, "PORT" | "HTTP_PORT">;
  readonly dataDir: string;
};

export async function startHaproxy({ ports, dataDir }: Site, port: number): Promise<Balancer> {
  const text = await Bun.file(CONFIGURATION).text();
  const placed = text
    .replaceAll(/unix@\/sockets\/api[12]\.sock/g, `127.0.0.1:${ports.PORT}`)
    .replaceAll("worker-inside:9995", `127.0.0.1:${ports.HTTP_PORT}`)
    .replace("bind :9999", `bind 127.0.0.1:${port}`)
    .replace(/^frontend statistics[\s\S]*/m, "");
  const path = join(dataDir, "haproxy.cfg");
  await Bun.write(path, placed);
  const child = Bun.spawn(["haproxy", "-f", path], { stdout: "ignore", stderr: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  const dispose = async () => {
    child.kill("SIGTERM");
    await child.exited;
  };
  try {
    await until("haproxy passes on", 10_000, async () => {
      const answer = await fetch(`${url}/payments-summary`).catch(() => null);
      return answer?.ok === true;
    });
  } catch (error) {
    await dispose();
    throw error;
  }
  return { url, process: child, [Symbol.asyncDispose]: dispose };
}
