/** Starts `dev` as a process of its own on free ports, with its data in a temporary folder. */
import { join } from "node:path";
import { GatewayClient } from "./gateway.ts";
import { freePorts } from "./ports.ts";
import { Child, type Ending } from "./process.ts";
import { ProcessorAdmin } from "./processor-admin.ts";
import { fromSource } from "./programs.ts";
import { ACK_TIMEOUT_MS } from "./stack.ts";
import { temporaryDirectory } from "./temporary.ts";

export const CHILD_NAMES = ["default", "fallback", "worker", "api-1", "api-2"] as const;
const CLUSTER_NAMES = ["worker-1", "worker-2"] as const;
export type ChildName = (typeof CHILD_NAMES | typeof CLUSTER_NAMES)[number];

const PORT_NAMES = [
  "PORT",
  "HTTP_PORT",
  "LINK_PORT",
  "SECOND_HTTP_PORT",
  "SECOND_LINK_PORT",
  "DEFAULT_PORT",
  "FALLBACK_PORT",
  "DASHBOARD_PORT",
] as const;
export type Ports = Record<(typeof PORT_NAMES)[number], number>;

/** Five processes stop, one group after the other. */
const STOP_MS_MAX = 60_000;

export type StandOptions = {
  readonly env?: Record<string, string>;
  readonly ports?: Ports;
  /** Folder that is left as it is in the end; without one a folder is made and removed. */
  readonly dataDir?: string;
  readonly args?: readonly string[];
};

export function freeStandPorts(): Promise<Ports> {
  return freePorts(...PORT_NAMES);
}

/** Starts `dev`, whether it comes up or not. */
export async function spawnStand(options: StandOptions = {}): Promise<Stand> {
  const stand = new Stand(options.ports ?? (await freeStandPorts()), options);
  stand.start();
  return stand;
}

/** Starts `dev` and waits until it says that everything is ready. */
export async function startStand(options: StandOptions = {}): Promise<Stand> {
  const stand = await spawnStand(options);
  await stand.untilReady().catch(async (error: Error) => {
    await stand[Symbol.asyncDispose]();
    throw error;
  });
  return stand;
}

export class Stand extends Child {
  readonly ports: Ports;
  readonly dataDir: string;
  readonly gateway: GatewayClient;
  readonly preferred: ProcessorAdmin;
  readonly dearer: ProcessorAdmin;
  readonly #remove: () => void;

  constructor(ports: Ports, { args = [], env = {}, dataDir }: StandOptions) {
    const own = dataDir === undefined ? temporaryDirectory() : null;
    const path = dataDir ?? (own?.path as string);
    super({
      name: "dev",
      command: fromSource("dev.ts", ...args),
      env: {
        ...process.env,
        // An instant that is read without its zone is another one there.
        TZ: "America/Sao_Paulo",
        HOST: "127.0.0.1",
        ACK_TIMEOUT_MS,
        DATA_DIR: path,
        ...Object.fromEntries(PORT_NAMES.map((name) => [name, String(ports[name])])),
        ...env,
      },
      isReady: (line) => line.startsWith("Ctrl-C"),
      // dev ends what it has started.
      whenGone: "TERM",
    });
    this.ports = ports;
    this.dataDir = path;
    this.gateway = new GatewayClient(at(ports.PORT));
    this.preferred = new ProcessorAdmin("default", at(ports.DEFAULT_PORT));
    this.dearer = new ProcessorAdmin("fallback", at(ports.FALLBACK_PORT));
    this.#remove = () => own?.[Symbol.dispose]();
  }

  get workerUrl(): string {
    return at(this.ports.HTTP_PORT);
  }
  get journalPath(): string {
    return join(this.dataDir, "payments.db");
  }

  /** The process that now goes by a name, or the latest that did. */
  pidOf(name: ChildName): number {
    const pid = this.#pidsOf(name).at(-1);
    if (pid === undefined) throw new Error(`${name} was never started`);
    return pid;
  }

  /** Every process that was ever started. */
  allPids(): number[] {
    const names = [...CHILD_NAMES, ...CLUSTER_NAMES];
    return [this.pid, ...names.flatMap((name) => this.#pidsOf(name))];
  }

  override stop(): Promise<Ending & { readonly tookMs: number }> {
    return super.stop(STOP_MS_MAX);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#remove();
  }

  #pidsOf(name: ChildName): number[] {
    return this.lines
      .map((line) => /^(\S+)\s+\| started, pid (\d+)$/.exec(line))
      .filter((match) => match?.[1] === name)
      .map((match) => Number(match?.[2]));
  }
}

function at(port: number): string {
  return `http://127.0.0.1:${port}`;
}
