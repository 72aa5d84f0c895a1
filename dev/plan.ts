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
  /** True for one that may wait for another instead of being ready. */
  readonly mayWait?: boolean;
};

export type PlanOptions = {
  /** The shop of a game day, which is told of payments; with one, books are compared with the simulated processors. */
  readonly shop?: Pick<Shop, "env" | "token"> | null;
  /** URL of the database that two workers share; null for one worker with a file. */
  readonly database?: string | null;
};

/** Payments take no detour; the worker refuses to start with one. */
const PROXIES = new Set(["http_proxy", "https_proxy", "all_proxy"]);

/** Processes of one group start together; a group starts once the one before it is ready. */
export function processesOf(
  settings: DevSettings,
  outer: Record<string, string | undefined>,
  { shop = null, database = null }: PlanOptions = {},
): ProcessPlan[][] {
  const { HOST, PORT, LOG_LEVEL, DEFAULT_PORT, FALLBACK_PORT } = settings;
  const common = { ...(outer as Record<string, string>), LOG_LEVEL };
  const plan = (name: string, script: string, own: Record<string, string>): ProcessPlan => ({
    name,
    script,
    env: { ...common, ...own },
  });
  const simulator = (NAME: string, FEE: string, port: number) =>
    plan(NAME, "simulator.ts", { NAME, FEE, HOST, PORT: String(port) });
  const audit = shop === null ? "" : ";audit-token=123";
  const journal =
    database === null
      ? { JOURNAL: `sqlite:${resolve(ROOT, settings.DATA_DIR, "payments.db")}` }
      : { JOURNAL: database, CLUSTER_ALLOW_SINGLE: "true" };
  const workers = workersOf(settings, database !== null);
  const [first, ...others] = workers.map(({ name, linkPort, httpPort }, n) => ({
    ...plan(name, "worker.ts", {
      LINK_HOST: "127.0.0.1",
      LINK_PORT: String(linkPort),
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: String(httpPort),
      PROCESSORS: [
        `default=${urlOf(HOST, DEFAULT_PORT)};fee=0.05${audit}`,
        `fallback=${urlOf(HOST, FALLBACK_PORT)};fee=0.15${audit}`,
      ].join(","),
      ...journal,
      WORKER_NAME: name,
      PURGE_ENABLED: "true",
      ...shop?.env,
    }),
    mayWait: n > 0,
  }));
  const api = (name: string) =>
    plan(name, "api.ts", {
      HOST,
      PORT: String(PORT),
      WORKER_LINK: workers.map(({ linkPort }) => `127.0.0.1:${linkPort}`).join(","),
      WORKER_HTTP: workers.map(({ http }) => http).join(","),
      ...(shop === null ? {} : { READ_TOKEN: shop.token }),
    });
  return [
    [simulator("default", "0.05", DEFAULT_PORT), simulator("fallback", "0.15", FALLBACK_PORT)],
    [first as ProcessPlan],
    others,
    [api("api-1"), api("api-2")],
  ];
}

export type PlannedWorker = {
  readonly name: string;
  readonly linkPort: number;
  readonly httpPort: number;
  readonly http: string;
};

export function workersOf(settings: DevSettings, isCluster: boolean): PlannedWorker[] {
  const { HTTP_PORT, LINK_PORT, SECOND_HTTP_PORT, SECOND_LINK_PORT } = settings;
  const worker = (name: string, linkPort: number, httpPort: number): PlannedWorker => {
    return { name, linkPort, httpPort, http: urlOf("127.0.0.1", httpPort) };
  };
  if (!isCluster) return [worker("worker", LINK_PORT, HTTP_PORT)];
  return [
    worker("worker-1", LINK_PORT, HTTP_PORT),
    worker("worker-2", SECOND_LINK_PORT, SECOND_HTTP_PORT),
  ];
}

/** Takes proxies out of the environment, ours and so the children's. True when there was one. */
export function dropProxies(env: Record<string, string | undefined>): boolean {
  const found = Object.keys(env).filter((name) => env[name] && PROXIES.has(name.toLowerCase()));
  for (const name of found) delete env[name];
  return found.length > 0;
}
