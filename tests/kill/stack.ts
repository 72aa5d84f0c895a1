/**
 * A gateway of real processes for tests that hurt it: a worker, two APIs with a port of their own
 * each, a relay between them, and two simulated processors in this process. Nobody but the test
 * starts a process again.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSimulator, type Simulator } from "../../simulator/server.ts";
import { GatewayClient, ProcessorClient } from "../system/client.ts";
import { freePorts } from "../system/stand.ts";
import type { Programs } from "./programs.ts";
import { Relay } from "./relay.ts";
import { Service } from "./service.ts";

export type StackOptions = {
  readonly programs: Programs;
  readonly random: () => number;
  readonly onDeath: (text: string) => void;
  /** Where journals are kept; without one a folder is made and removed. */
  readonly dataDir?: string;
  /** For the worker. */
  readonly env?: Record<string, string>;
};

export type Sync = "full" | "normal";

export async function startStack(options: StackOptions): Promise<Stack> {
  const ports = Object.values(await freePorts()) as [number, number, number, number, number];
  const [linkPort, httpPort, ...apiPorts] = ports;
  const relay = await Relay.start({ address: "127.0.0.1", port: linkPort }, options.random);
  const simulators = [
    startSimulator({ name: "default", fee: 0.05, host: "127.0.0.1", port: 0 }),
    startSimulator({ name: "fallback", fee: 0.15, host: "127.0.0.1", port: 0 }),
  ];
  const ownDir = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "papa-leguas-kill-")));
  const { onDeath, programs } = options;
  const worker = new Service({
    name: "worker",
    command: programs.worker,
    onDeath,
    env: {
      ...inheritedEnv(),
      LINK_PORT: String(linkPort),
      HTTP_PORT: String(httpPort),
      PROCESSORS: simulators
        .map(({ name, url }, i) => `${name}=${url};fee=${i === 0 ? "0.05" : "0.15"}`)
        .join(","),
      JOURNAL: `sqlite:${join(dataDir, "payments.db")}`,
      ...options.env,
    },
  });
  const apis = apiPorts.slice(0, 2).map((port, i) => {
    const env = {
      ...inheritedEnv(),
      HOST: "127.0.0.1",
      PORT: String(port),
      WORKER_LINK: `127.0.0.1:${relay.port}`,
      WORKER_HTTP: `http://127.0.0.1:${httpPort}`,
    };
    return new Service({ name: `api-${i + 1}`, command: programs.api, env, onDeath });
  });
  const urls = apiPorts.map((port) => `http://127.0.0.1:${port}`);
  return new Stack({ worker, apis, relay, simulators, dataDir, ownDir, urls, httpPort });
}

type Parts = {
  readonly worker: Service;
  readonly apis: readonly Service[];
  readonly relay: Relay;
  readonly simulators: readonly Simulator[];
  readonly dataDir: string;
  readonly ownDir: boolean;
  readonly urls: readonly string[];
  readonly httpPort: number;
};

export class Stack implements AsyncDisposable {
  readonly worker: Service;
  readonly apis: readonly Service[];
  readonly relay: Relay;
  readonly processors: readonly ProcessorClient[];
  /** The first API, and all of them. */
  readonly gateway: GatewayClient;
  readonly gateways: readonly GatewayClient[];
  /** The worker's own door: readiness with the journal's reason. */
  readonly workerUrl: string;
  readonly dataDir: string;
  /** Sees every charge that comes to a processor, before the processor does. */
  onCharge: (() => void) | null = null;
  readonly #parts: Parts;
  #journals = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.worker = parts.worker;
    this.apis = parts.apis;
    this.relay = parts.relay;
    this.dataDir = parts.dataDir;
    this.processors = parts.simulators.map(({ name, url }) => new ProcessorClient(name, url));
    this.gateways = parts.apis.map((_, i) => new GatewayClient(parts.urls[i] as string));
    this.gateway = this.gateways[0] as GatewayClient;
    this.workerUrl = `http://127.0.0.1:${parts.httpPort}`;
    for (const { model } of parts.simulators) {
      const apply = model.apply.bind(model);
      model.apply = (nowMs, call) => {
        if (call.method === "POST" && call.path === "/payments") this.onCharge?.();
        return apply(nowMs, call);
      };
    }
  }

  get journalPath(): string {
    return (this.worker.env["JOURNAL"] as string).slice("sqlite:".length);
  }

  get services(): readonly Service[] {
    return [this.worker, ...this.apis];
  }

  /** Before the worker's start. */
  setSync(sync: Sync): void {
    this.worker.env = { ...this.worker.env, JOURNAL_SYNC: sync };
  }

  /** Nothing that was paid before is remembered, here and at the processors; before the worker's start. */
  async startAfresh(): Promise<void> {
    const path = join(this.dataDir, `payments-${++this.#journals}.db`);
    this.worker.env = { ...this.worker.env, JOURNAL: `sqlite:${path}` };
    for (const processor of this.processors) {
      // A call that was given up may still wait out its delay there, and would be recorded after the
      // purge: a processor that dies takes it with it.
      await processor.setDown(true);
      await processor.setDown(false);
      await processor.purge();
    }
  }

  async startAll(): Promise<void> {
    await this.worker.startAndWait();
    await Promise.all(this.apis.map((api) => api.startAndWait()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.services.map((service) => service.kill()));
    await this.relay[Symbol.asyncDispose]();
    await Promise.all(this.#parts.simulators.map((simulator) => simulator.stop()));
    if (this.#parts.ownDir) await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** Without settings of ours that a shell may carry, and without a proxy, which the worker refuses. */
function inheritedEnv(): Record<string, string> {
  const { PATH = "", HOME = "", TMPDIR = "" } = process.env;
  return { PATH, HOME, ...(TMPDIR === "" ? {} : { TMPDIR }), LOG_LEVEL: "info" };
}
