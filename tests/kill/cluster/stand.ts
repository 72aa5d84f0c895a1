/**
 * The gateway on eight machines: three of the database, three workers and two APIs.
 * Each worker has an HAProxy beside it that follows the primary by Patroni's health check; APIs have the
 * addresses of all workers. Workers and APIs that end by themselves are started again, as systemd would.
 * Shops and processors are at home.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ClusterMap } from "../../../shared/http-api/cluster.ts";
import { startSimulator } from "../../../simulator/server.ts";
import { GatewayClient } from "../../../testing/gateway.ts";
import { Child } from "../../../testing/process.ts";
import { ProcessorAdmin } from "../../../testing/processor-admin.ts";
import { bareEnv } from "../../../testing/programs.ts";
import { processorsAt, type Programs } from "../../../testing/stack.ts";
import { temporaryDirectory } from "../../../testing/temporary.ts";
import { Database, POSTGRES_PORT, REST_PORT, urlAt } from "./database.ts";
import { HOME, Machine, makeBridge } from "./network.ts";
import type { Tools } from "./tools.ts";

const PRIMARY_PORT = 5000;
const LINK_PORT = 9996;
const HTTP_PORT = 9995;
const API_PORT = 9999;
const SECRET = "a secret of the drill's own";
const FEES = { default: 0.05, fallback: 0.15 };
const AGAIN_MS = 500;
const LINES_MAX = 200;

/** Ends of workers that are as they should be: fenced, or without a database for the time of a start. */
const SOUND_ENDS =
  /another worker has taken over|cannot be reached|does not answer|is a standby|has not answered|Connection|connection|starting up|shutting down|recovery/;

export type StandOptions = {
  readonly tools: Tools;
  readonly programs: Pick<Programs, "worker" | "api">;
  readonly env: Readonly<Record<string, string>>;
  /** Told of a process that ended by itself, and should not have. */
  readonly complain: (text: string) => void;
};

/** A process of ours on a machine of its own. */
export class Service {
  readonly machine: Machine;
  readonly child: Child;
  readonly client: GatewayClient;

  constructor(machine: Machine, child: Child, port: number) {
    this.machine = machine;
    this.child = child;
    this.client = new GatewayClient(`http://${machine.address}:${port}`);
  }
}

export class Stand implements AsyncDisposable {
  readonly database: Database;
  readonly workers: readonly Service[];
  readonly apis: readonly Service[];
  readonly processors: readonly ProcessorAdmin[];
  readonly #ends: AsyncDisposableStack;

  private constructor(
    {
      database,
      workers,
      apis,
      processors,
    }: Pick<Stand, "database" | "workers" | "apis" | "processors">,
    ends: AsyncDisposableStack,
  ) {
    this.database = database;
    this.workers = workers;
    this.apis = apis;
    this.processors = processors;
    this.#ends = ends;
  }

  static async start(options: StandOptions): Promise<Stand> {
    await using ends = new AsyncDisposableStack();
    const folder = ends.use(temporaryDirectory()).path;
    await makeBridge();
    const machine = async (name: string, number: number) =>
      ends.use(await Machine.make(name, number));
    const nodes = [await machine("n1", 1), await machine("n2", 2), await machine("n3", 3)];
    const database = await Database.begin(options.tools, nodes, folder);
    const simulators = Object.entries(FEES).map(([name, fee]) =>
      ends.use(startSimulator({ name, fee, host: HOME, port: 0 })),
    );
    const processors = simulators.map(({ name, url }) => new ProcessorAdmin(name, url));
    const workers = [];
    for (const number of [1, 2, 3]) {
      const own = await machine(`w${number}`, 10 + number);
      const balancer = await followPrimary(own, nodes, options.tools, folder);
      ends.use(balancer);
      workers.push(workerAt(own, processors, options));
    }
    const apis = [];
    for (const number of [1, 2]) {
      apis.push(apiAt(await machine(`a${number}`, 20 + number), workers, options));
    }
    const stand = new Stand({ database, workers, apis, processors }, ends.move());
    for (const { child } of [...workers, ...apis]) stand.#ends.use(child).start();
    return stand;
  }

  /** The newest map that a worker knows. Rejects when none answers. */
  async map(): Promise<ClusterMap> {
    const maps = this.workers.map(async ({ client }) => {
      return (await (await client.ask("/cluster")).json()) as ClusterMap;
    });
    const known = (await Promise.allSettled(maps)).flatMap((map) =>
      map.status === "fulfilled" ? [map.value] : [],
    );
    const [first, ...others] = known;
    if (first === undefined) throw new Error("no worker tells the map of shards");
    return others.reduce((newest, map) => (map.version > newest.version ? map : newest), first);
  }

  /** True when nothing is missing, and payments are taken. */
  async isWhole(): Promise<boolean> {
    const services = [...this.workers, ...this.apis];
    if (!services.every(({ child }) => child.isRunning)) return false;
    const ready = await Promise.all(services.map(({ client }) => client.isReady()));
    return ready.every(Boolean) && (await this.database.isWhole());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ends.disposeAsync();
  }
}

function workerAt(
  machine: Machine,
  processors: readonly ProcessorAdmin[],
  { programs, env, complain }: StandOptions,
): Service {
  const child = restarted(machine, programs.worker, complain, {
    LINK_HOST: machine.address,
    LINK_PORT: `${LINK_PORT}`,
    LINK_SECRET: SECRET,
    HTTP_HOST: machine.address,
    HTTP_PORT: `${HTTP_PORT}`,
    WORKER_NAME: machine.name,
    JOURNAL: urlAt(`127.0.0.1:${PRIMARY_PORT}`),
    PROCESSORS: processorsAt(processors.map(({ url }) => url)),
    PURGE_ENABLED: "true",
    // Shards come back soon to a worker that was killed.
    PROCESSOR_TIMEOUT_MS: "5000",
    ...env,
  });
  return new Service(machine, child, HTTP_PORT);
}

function apiAt(
  machine: Machine,
  workers: readonly Service[],
  { programs, complain }: StandOptions,
): Service {
  const addresses = workers.map((worker) => worker.machine.address);
  const child = restarted(machine, programs.api, complain, {
    HOST: machine.address,
    PORT: `${API_PORT}`,
    LINK_SECRET: SECRET,
    WORKER_LINK: addresses.map((address) => `${address}:${LINK_PORT}`).join(","),
    WORKER_HTTP: addresses.map((address) => `http://${address}:${HTTP_PORT}`).join(","),
  });
  return new Service(machine, child, API_PORT);
}

/** A process that is started again when it ends by itself. */
function restarted(
  machine: Machine,
  program: readonly string[],
  complain: (text: string) => void,
  env: Record<string, string>,
): Child {
  const child = new Child({
    name: machine.name,
    command: machine.command(program),
    env: bareEnv({ LOG_LEVEL: "info", ...env }),
    linesMax: LINES_MAX,
    onDeath: (how, lastWords) => {
      // A worker that ends itself says why in its log; a start that fails, in a line of its own.
      const fatal = child.lines.findLast((line) => line.includes('"level":60'));
      const words = [...lastWords, fatal ?? ""].join(" | ");
      if (!SOUND_ENDS.test(words)) complain(`${how}: ${words}`);
      setTimeout(() => {
        if (!child.isRunning) child.start();
      }, AGAIN_MS);
    },
  });
  return child;
}

/** Starts an HAProxy on the machine whose one port leads to the primary, as Patroni's health check says. */
async function followPrimary(
  machine: Machine,
  nodes: readonly Machine[],
  { haproxy }: Tools,
  folder: string,
): Promise<Child> {
  const own = join(folder, machine.name);
  mkdirSync(own);
  const servers = nodes.map(({ name, address }) => {
    return `  server ${name} ${address}:${POSTGRES_PORT} check port ${REST_PORT}`;
  });
  const path = join(own, "haproxy.cfg");
  await Bun.write(
    path,
    `defaults
  mode tcp
  timeout connect 1s
  timeout check 1s
  timeout client 1h
  timeout server 1h
listen primary
  bind 127.0.0.1:${PRIMARY_PORT}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers.join("\n")}
`,
  );
  const command = machine.command([haproxy, "-db", "-f", path]);
  const child = new Child({ name: `haproxy of ${machine.name}`, command, linesMax: LINES_MAX });
  child.start();
  return child;
}
