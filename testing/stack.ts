/**
 * A gateway of real processes that nobody but its owner starts again: a worker, APIs with a port of their
 * own each, and two simulated processors, which are processes too or live in this one. `await using` it:
 * in the end all of it is killed, and its temporary folder removed.
 */
import { join } from "node:path";
import { startSimulator, type Simulator, type SimulatorOptions } from "../simulator/server.ts";
import { GatewayClient } from "./gateway.ts";
import { freePorts } from "./ports.ts";
import { Child, type ChildOptions, type Env } from "./process.ts";
import { ProcessorAdmin } from "./processor-admin.ts";
import { bareEnv, fromSource } from "./programs.ts";
import { temporaryDirectory } from "./temporary.ts";

/** Commands of the programs. */
export type Programs = {
  readonly worker: readonly string[];
  readonly api: readonly string[];
  /** Null has the processors run in this process. */
  readonly simulator: readonly string[] | null;
};

export type StackOptions = {
  readonly programs?: Programs;
  /** Processors in this process, instead of the usual two; PROCESSORS or its file has to name them. */
  readonly simulators?: readonly Omit<SimulatorOptions, "host" | "port">[];
  /** Number of APIs; 0 leaves payments to come from the journal. */
  readonly apis?: 0 | 1 | 2;
  /** Further settings of the worker, and of the APIs. */
  readonly env?: Env;
  readonly apiEnv?: Env;
  /** Folder of the journal; without one a folder is made, and removed in the end. */
  readonly dataDir?: string;
  /** Parent of that folder, if not the system's for temporary files. */
  readonly under?: string;
  /** Starts what stands between the APIs and the worker's link; it ends with the stack. */
  readonly between?: (linkPort: number) => Promise<AsyncDisposable & { readonly port: number }>;
  /** Options of each of its processes. */
  readonly child?: Pick<ChildOptions, "onDeath" | "onLine" | "readyMsMax" | "linesMax" | "session">;
};

const HOST = "127.0.0.1";
/** The default would judge how soon a busy machine writes to its disk. */
export const ACK_TIMEOUT_MS = "10000";
const FEES = { default: "0.05", fallback: "0.15" };
export const FROM_SOURCE: Programs = {
  worker: fromSource("worker.ts"),
  api: fromSource("api.ts"),
  simulator: null,
};

/** The parts that exist before worker and APIs: places for them, and processors that run. */
export type Site = {
  readonly options: StackOptions;
  readonly dataDir: string;
  readonly linkPort: number;
  readonly httpPort: number;
  readonly apiPorts: readonly number[];
  /** Port at which the APIs find the worker's link. */
  readonly relayPort: number;
  readonly processors: Processors;
  readonly ends: AsyncDisposableStack;
};

type Processors = {
  readonly admins: readonly ProcessorAdmin[];
  /** Processors that run in this process. */
  readonly simulators: readonly Simulator[];
  /** Processors that are processes of their own. */
  readonly children: readonly Child[];
};

export async function siteFor(options: StackOptions): Promise<Site> {
  await using ends = new AsyncDisposableStack();
  const { apis = 1 } = options;
  const dataDir = options.dataDir ?? ends.use(temporaryDirectory(options.under)).path;
  const { link, http, ...others } = await freePorts("link", "http", "api1", "api2");
  const relay = ends.use((await options.between?.(link)) ?? null);
  const { simulator } = options.programs ?? FROM_SOURCE;
  const processors =
    simulator === null || options.simulators !== undefined
      ? simulateHere(options.simulators)
      : await simulateBy(simulator, options.child);
  for (const one of [...processors.simulators, ...processors.children]) ends.use(one);
  return {
    options,
    dataDir,
    linkPort: link,
    httpPort: http,
    apiPorts: Object.values(others).slice(0, apis),
    relayPort: relay?.port ?? link,
    processors,
    ends: ends.move(),
  };
}

const USUAL = Object.entries(FEES).map(([name, fee]) => ({ name, fee: Number(fee) }));

function simulateHere(given: NonNullable<StackOptions["simulators"]> = USUAL): Processors {
  const simulators = given.map((one) => startSimulator({ ...one, host: HOST, port: 0 }));
  // A form of its own keeps no instant that was not its own.
  const admins = simulators.map(
    ({ name, url }, i) => new ProcessorAdmin(name, url, given[i]!.form === undefined),
  );
  return { admins, simulators, children: [] };
}

/** Starts processors as processes; `await using` each, when they are not a stack's. */
export async function simulateBy(
  command: readonly string[],
  options: StackOptions["child"] = {},
): Promise<Processors> {
  const children = await Promise.all(
    Object.entries(FEES).map(([NAME, FEE]) => {
      const env = bareEnv({ NAME, FEE, HOST, PORT: "0", LOG_LEVEL: "info" });
      return Child.start({ ...options, name: NAME, command, env });
    }),
  );
  const lines = await Promise.all(children.map((child) => child.untilReady()));
  const admins = lines.map((line, i) => {
    const { port } = JSON.parse(line) as { port: number };
    return new ProcessorAdmin(children[i]!.name, `http://${HOST}:${port}`);
  });
  return { admins, simulators: [], children };
}

export class Stack implements AsyncDisposable {
  readonly worker: Child;
  readonly apis: readonly Child[];
  readonly processors: readonly ProcessorAdmin[];
  /** The first API, and all of them. */
  readonly gateway: GatewayClient;
  readonly gateways: readonly GatewayClient[];
  /** The worker by its own port: readiness with the journal's reason. */
  readonly workerHttp: GatewayClient;
  readonly site: Site;

  /** Starts all of it, and waits until it is ready. */
  static async start(options: StackOptions = {}): Promise<Stack> {
    const stack = new Stack(await siteFor(options));
    await stack.startAll().catch(async (error: Error) => {
      await stack[Symbol.asyncDispose]();
      throw error;
    });
    return stack;
  }

  /** Makes a stack of which only the processors run; `startAll` starts the rest. */
  constructor(site: Site) {
    const { options, dataDir, processors, linkPort, httpPort, apiPorts } = site;
    const { programs = FROM_SOURCE, child = {} } = options;
    this.site = site;
    this.processors = processors.admins;
    this.workerHttp = new GatewayClient(`http://${HOST}:${httpPort}`);
    this.gateways = apiPorts.map((port) => new GatewayClient(`http://${HOST}:${port}`));
    this.gateway = this.gateways[0] ?? this.workerHttp;
    this.worker = new Child({
      ...child,
      name: "worker",
      command: programs.worker,
      env: bareEnv({
        LOG_LEVEL: "info",
        LINK_PORT: String(linkPort),
        HTTP_PORT: String(httpPort),
        JOURNAL: `sqlite:${join(dataDir, "payments.db")}`,
        PROCESSORS: processorsAt(processors.admins.map(({ url }) => url)),
        ...options.env,
      }),
    });
    this.apis = apiPorts.map((port, i) => {
      const env = bareEnv({
        LOG_LEVEL: "info",
        HOST,
        PORT: String(port),
        WORKER_LINK: `${HOST}:${site.relayPort}`,
        WORKER_HTTP: this.workerHttp.url,
        ACK_TIMEOUT_MS,
        ...options.apiEnv,
      });
      return new Child({ ...child, name: `api-${i + 1}`, command: programs.api, env });
    });
    for (const service of this.services) site.ends.use(service);
  }

  get services(): readonly Child[] {
    return [this.worker, ...this.apis];
  }
  get journalPath(): string {
    return (this.worker.env["JOURNAL"] as string).slice("sqlite:".length);
  }

  async startAll(): Promise<void> {
    await this.worker.startAndWait();
    await Promise.all(this.apis.map((api) => api.startAndWait()));
  }

  /** Further settings of the worker, from its next start on. */
  configure(env: Env): void {
    this.worker.env = { ...this.worker.env, ...env };
  }

  /** Stops the APIs first and the processors last, so that nothing that still runs misses what it needs. */
  async stop(): Promise<void> {
    for (const child of [...this.apis, this.worker, ...this.site.processors.children]) {
      if (child.isRunning) await child.stop();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.site.ends.disposeAsync();
  }
}

/** The setting for processors of the usual names and fees at these addresses; `more` is for each. */
export function processorsAt(urls: readonly string[], more = ""): string {
  return Object.entries(FEES)
    .map(([name, fee], i) => `${name}=${urls[i]};fee=${fee}${more}`)
    .join(",");
}
