/** `dev` as a process of its own on free ports, with its data in a temporary folder. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { LIFELINE, LIFELINE_NAME } from "../../dev/lifeline.ts";

export type ChildName = "default" | "fallback" | "worker" | "api-1" | "api-2";
export const CHILD_NAMES: readonly ChildName[] = [
  "default",
  "fallback",
  "worker",
  "api-1",
  "api-2",
];
const PORT_NAMES = [
  "PORT",
  "HTTP_PORT",
  "LINK_PORT",
  "DEFAULT_PORT",
  "FALLBACK_PORT",
  "DASHBOARD_PORT",
] as const;
export type Ports = Record<(typeof PORT_NAMES)[number], number>;

const DEV = resolve(import.meta.dir, "../../dev.ts");
const READY_MS_MAX = 20_000;
/** Below the ports that the system gives to outgoing connections. */
const PORT_FIRST = 20_000;
const PORT_COUNT = 12_000;

export type StandOptions = {
  readonly env?: Record<string, string>;
  readonly ports?: Ports;
  /** Left as it is in the end; without one a folder is made and removed. */
  readonly dataDir?: string;
  readonly args?: readonly string[];
};

/** Starts `dev`, whether it comes up or not. */
export async function spawnStand(options: StandOptions = {}): Promise<Stand> {
  const ports = options.ports ?? (await freePorts());
  const ownDir = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "papa-leguas-stand-")));
  const portsEnv = Object.fromEntries(PORT_NAMES.map((name) => [name, String(ports[name])]));
  // With the lifeline of dev's own children: a test that is killed leaves nothing behind.
  const child = Bun.spawn([process.execPath, "--preload", LIFELINE, DEV, ...(options.args ?? [])], {
    env: {
      ...process.env,
      // Where an instant that is read without its zone is another one.
      TZ: "America/Sao_Paulo",
      [LIFELINE_NAME]: "stdin",
      HOST: "127.0.0.1",
      DATA_DIR: dataDir,
      ...portsEnv,
      ...options.env,
    },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  return new Stand(child, ports, dataDir, ownDir);
}

/** Starts `dev` and waits until it says that everything is ready. */
export async function startStand(options: StandOptions = {}): Promise<Stand> {
  const stand = await spawnStand(options);
  try {
    await stand.untilLine((line) => line.startsWith("Ctrl-C"));
    return stand;
  } catch (error) {
    await stand[Symbol.asyncDispose]();
    throw error;
  }
}

export class Stand implements AsyncDisposable {
  readonly ports: Ports;
  readonly dataDir: string;
  /** Everything that dev has said on stdout and stderr. */
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly #ownDir: boolean;
  readonly #process: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #read: Promise<unknown>;
  readonly #watchers = new Set<() => void>();

  constructor(
    child: Bun.Subprocess<"pipe", "pipe", "pipe">,
    ports: Ports,
    dataDir: string,
    ownDir: boolean,
  ) {
    this.ports = ports;
    this.dataDir = dataDir;
    this.#ownDir = ownDir;
    this.#process = child;
    const read = Promise.all([
      this.#collect(child.stdout, this.lines),
      this.#collect(child.stderr, this.errors),
    ]);
    this.#read = read.then(() => this.#wake());
  }

  get gatewayUrl(): string {
    return `http://127.0.0.1:${this.ports.PORT}`;
  }
  get defaultUrl(): string {
    return `http://127.0.0.1:${this.ports.DEFAULT_PORT}`;
  }
  get fallbackUrl(): string {
    return `http://127.0.0.1:${this.ports.FALLBACK_PORT}`;
  }
  get journalPath(): string {
    return join(this.dataDir, "payments.db");
  }
  get pid(): number {
    return this.#process.pid;
  }
  /** The exit code, once everything that was said is read. */
  get exited(): Promise<number> {
    return this.#process.exited.then(async (code) => {
      await this.#read;
      return code;
    });
  }

  /** The process that now goes by a name, or the latest that did. */
  pidOf(name: ChildName): number {
    const pid = this.#pidsOf(name).at(-1);
    if (pid === undefined) throw new Error(`${name} was never started`);
    return pid;
  }

  /** Every process that was ever started. */
  allPids(): number[] {
    return [this.pid, ...CHILD_NAMES.flatMap((name) => this.#pidsOf(name))];
  }

  /** Resolves with the first line, from `fromLine` on, that matches; rejects when dev ends before. */
  async untilLine(matches: (line: string) => boolean, fromLine = 0): Promise<string> {
    const untilMs = performance.now() + READY_MS_MAX;
    let at = fromLine;
    while (true) {
      for (; at < this.lines.length; at++) {
        if (matches(this.lines[at] as string)) return this.lines[at] as string;
      }
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0) throw new Error(`dev did not say it in time:\n${this.#said()}`);
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
        await this.#read;
        if (at < this.lines.length) continue;
        throw new Error(`dev ended:\n${this.#said()}`);
      }
      await this.#change(leftMs);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** The exit code. */
  async stop(): Promise<number> {
    this.#process.kill("SIGTERM");
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (this.#ownDir) await rm(this.dataDir, { recursive: true, force: true });
  }

  #pidsOf(name: ChildName): number[] {
    return this.lines
      .map((line) => /^(\S+)\s+\| started, pid (\d+)$/.exec(line))
      .filter((match) => match?.[1] === name)
      .map((match) => Number(match?.[2]));
  }

  #said(): string {
    return [...this.lines.slice(-30), ...this.errors].join("\n");
  }

  async #collect(stream: ReadableStream<Uint8Array>, into: string[]): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of stream) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() as string;
      into.push(...lines);
      this.#wake();
    }
    if (rest !== "") into.push(rest);
  }

  #wake(): void {
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
  }

  /** Resolves at the next line, at the end, or when the time is up. */
  #change(ms: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, ms);
      this.#watchers.add(() => {
        clearTimeout(timer);
        done();
      });
    });
  }
}

export async function freePorts(): Promise<Ports> {
  const found = new Set<number>();
  while (found.size < PORT_NAMES.length) {
    const port = PORT_FIRST + Math.floor(Math.random() * PORT_COUNT);
    if (await isFree(port)) found.add(port);
  }
  const ports = [...found];
  return Object.fromEntries(PORT_NAMES.map((name, i) => [name, ports[i]])) as Ports;
}

async function isFree(port: number): Promise<boolean> {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    (await Bun.udpSocket({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false; // Taken by somebody else: another one is drawn.
  }
}

/** True while a process with this id runs; one that only waits for its parent to notice does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false; // There is none.
  }
}
