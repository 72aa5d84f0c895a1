/**
 * Plans which processes make up a gateway for development, with which settings, in the order of starting.
 */
import { resolve } from "node:path";
import { ROOT } from "../testing/programs.ts";
import { urlOf } from "../simulator/server.ts";
import type { DevSettings } from "./settings.ts";
import type { Shop } from "./shop.ts";

export type ProcessPlan = {
  readonly name: string;
  /** Path of its script from the root. */
  readonly script: string;
  readonly env: Record<string, string>;
};

/** Payments take no detour; the worker refuses to start with one. */
const PROXIES = new Set(["http_proxy", "https_proxy", "all_proxy"]);

/**
 * Processes of one group start together; a group starts once the one before it is ready. On a game day there is a
 * shop that is told of payments, and books are compared.
 */
export function processesOf(
  settings: DevSettings,
  outer: Record<string, string | undefined>,
  shop: Pick<Shop, "env" | "token"> | null = null,
): ProcessPlan[][] {
  const { HOST, PORT, HTTP_PORT, LINK_PORT, LOG_LEVEL, DEFAULT_PORT, FALLBACK_PORT } = settings;
  const common = { ...(outer as Record<string, string>), LOG_LEVEL };
  const plan = (name: string, script: string, own: Record<string, string>): ProcessPlan => ({
    name,
    script,
    env: { ...common, ...own },
  });
  const simulator = (NAME: string, FEE: string, port: number) =>
    plan(NAME, "simulator.ts", { NAME, FEE, HOST, PORT: String(port) });
  const audit = shop === null ? "" : ";audit-token=123";
  const worker = plan("worker", "worker.ts", {
    LINK_HOST: "127.0.0.1",
    LINK_PORT: String(LINK_PORT),
    HTTP_HOST: "127.0.0.1",
    HTTP_PORT: String(HTTP_PORT),
    PROCESSORS: [
      `default=${urlOf(HOST, DEFAULT_PORT)};fee=0.05${audit}`,
      `fallback=${urlOf(HOST, FALLBACK_PORT)};fee=0.15${audit}`,
    ].join(","),
    JOURNAL: `sqlite:${resolve(ROOT, settings.DATA_DIR, "payments.db")}`,
    PURGE_ENABLED: "true",
    ...shop?.env,
  });
  const api = (name: string) =>
    plan(name, "api.ts", {
      HOST,
      PORT: String(PORT),
      WORKER_LINK: `127.0.0.1:${LINK_PORT}`,
      WORKER_HTTP: urlOf("127.0.0.1", HTTP_PORT),
      ...(shop === null ? {} : { READ_TOKEN: shop.token }),
    });
  return [
    [simulator("default", "0.05", DEFAULT_PORT), simulator("fallback", "0.15", FALLBACK_PORT)],
    [worker],
    [api("api-1"), api("api-2")],
  ];
}

/** Takes proxies out of the environment, ours and so the children's. True when there was one. */
export function dropProxies(env: Record<string, string | undefined>): boolean {
  const found = Object.keys(env).filter((name) => env[name] && PROXIES.has(name.toLowerCase()));
  for (const name of found) delete env[name];
  return found.length > 0;
}
