/**
 * Runs a process that we start, as dev, a test, a benchmark or the kill loop. Its output is always
 * read, since a pipe that nobody reads would stop it once full. It does not outlive us: a guard
 * ends it, and whatever it has started, when we are gone. Usually it is in a session of its own, so
 * that the terminal's Ctrl-C reaches us only.
 */
import { basename } from "node:path";
import { onceGone } from "./guard.ts";
import { cpuMsOf, memoryMbOf } from "./proc.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export type RunOptions = {
  /** Environment; ours, unless another is given. */
  readonly env?: Env;
  readonly cwd?: string;
  /**
   * `own` lets a terminal's Ctrl-C pass it by. `ours` has the kernel share the cores among all of
   * us alike.
   */
  readonly session?: "own" | "ours";
};

export type ChildOptions = RunOptions & {
  /** Beginning of sentences about it; the program's name, unless another is given. */
  readonly name?: string;
  readonly command: readonly string[];
  /** Tells whether a line of its stdout says that it serves. */
  readonly isReady?: (line: string) => boolean;
  readonly readyMsMax?: number;
  /** Number of lines of each stream that are kept, the newest. */
  readonly linesMax?: number;
  /** Signal that it is sent when we are gone. SIGTERM is for those that end what they have started. */
  readonly whenGone?: "KILL" | "TERM";
  /** Keeps its stdin open until `endInput`, or until we are gone. */
  readonly withInput?: boolean;
  /** Called with every line, of both streams. */
  readonly onLine?: (line: string) => void;
  /** Called when it ends although nobody asked it to, with how and with its last words. */
  readonly onDeath?: (how: string, lastWords: readonly string[]) => void;
};

/** The end of a process: one of both is null. */
export type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** Both end what would never come; a process judges by itself how long it may take to drain. */
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 30_000;
const LAST_WORDS = 5;
const LINES_SHOWN = 30;

type Running = ReturnType<typeof spawn>;

/** A run from one start to its end. */
type Started = {
  readonly process: Running;
  /** Resolves to the line that says that it serves. */
  readonly ready: Promise<string>;
  readyMs: number | null;
  /** Resolves when it is gone and everything it said is read. */
  readonly ended: Promise<Ending>;
  /** True once we have sent it a signal that may end it. */
  isToEnd: boolean;
  isOver: boolean;
};

type Wish = {
  readonly isIt: (line: string) => boolean;
  readonly granted: (line: string) => void;
  readonly ended: (how: string) => void;
};

export class Child implements AsyncDisposable {
  readonly name: string;
  /** Lines on stdout and on stderr of all its runs. */
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  /** Environment of its next start. */
  env: Env;
  starts = 0;
  readonly #options: ChildOptions;
  readonly #wishes = new Set<Wish>();
  #current: Started | null = null;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.name = options.name ?? basename(options.command[0] as string);
    this.env = options.env ?? process.env;
  }

  /** Starts a process and waits until it serves; one that does not leaves nothing behind. */
  static async start(options: ChildOptions): Promise<Child> {
    const child = new Child(options);
    await child.startAndWait().catch(async (error: Error) => {
      await child.kill();
      throw error;
    });
    return child;
  }

  get pid(): number {
    return this.#newest.process.pid;
  }
  get isRunning(): boolean {
    return this.#current?.isOver === false;
  }
  get isReady(): boolean {
    return this.isRunning && this.#newest.readyMs !== null;
  }
  /** Time from its start to the line that said that it is ready. */
  get readyMs(): number {
    return this.#newest.readyMs ?? Number.NaN;
  }
  /** Resolves to how it ended, once it is gone and everything that it said is read. */
  get ended(): Promise<Ending> {
    return this.#newest.ended;
  }

  /** Only starts it; `untilReady` waits. */
  start(): void {
    if (this.isRunning) throw new Error(`${this.name} runs already`);
    this.starts++;
    const { command, isReady = saysReady, readyMsMax = READY_MS_MAX } = this.#options;
    const startedAtMs = performance.now();
    const started = spawn(command, { ...this.#options, env: this.env });
    const ready = this.#untilSaid(isReady, "it was ready", readyMsMax);
    const read = [this.#read(started.stdout, this.lines), this.#read(started.stderr, this.errors)];
    const ended = Promise.all([started.exited, ...read]).then(() => this.#gone(current));
    const fresh = { readyMs: null, isToEnd: false, isOver: false };
    const current: Started = { process: started, ready, ended, ...fresh };
    this.#current = current;
    ready.then(
      () => (current.readyMs = performance.now() - startedAtMs),
      // A process that is killed before it is ready has nobody who waits for it.
      () => {},
    );
  }

  /** Resolves to the line that says so; rejects when it ends before, or takes too long. */
  untilReady(): Promise<string> {
    return this.#newest.ready;
  }

  startAndWait(): Promise<string> {
    this.start();
    return this.untilReady();
  }

  /** Resolves to the first line of its stdout that `isIt` takes, among those from `fromLine` on. */
  async untilLine(isIt: (line: string) => boolean, fromLine = 0): Promise<string> {
    const said = this.lines.slice(fromLine).find(isIt);
    if (said !== undefined) return said;
    if (!this.isRunning) throw new Error(`${this.name} was gone before it said that`);
    return this.#untilSaid(isIt, "it said that", READY_MS_MAX);
  }

  /** Sends a signal; does nothing when the process is gone. */
  signal(signal: NodeJS.Signals): void {
    if (!this.isRunning) return;
    this.#newest.isToEnd ||= signal !== "SIGSTOP" && signal !== "SIGCONT";
    this.#newest.process.kill(signal);
  }

  endInput(): void {
    void this.#newest.process.stdin?.end();
  }

  /** Resolves when the kernel has taken everything from it, its sockets and locks too. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#current?.ended;
  }

  /** Asks it to end, and ends it when it has not after `msMax`. */
  async stop(msMax: number = STOP_MS_MAX): Promise<Ending & { readonly tookMs: number }> {
    const startedAtMs = performance.now();
    this.signal("SIGTERM");
    const force = setTimeout(() => this.signal("SIGKILL"), msMax);
    const ending = await this.ended;
    clearTimeout(force);
    return { ...ending, tookMs: performance.now() - startedAtMs };
  }

  cpuMs(): number {
    return cpuMsOf(this.pid);
  }
  memoryMb(): number {
    return memoryMbOf(this.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  get #newest(): Started {
    if (this.#current === null) throw new Error(`${this.name} was never started`);
    return this.#current;
  }

  #gone(current: Started): Ending {
    current.isOver = true;
    const ending = endingOf(current.process);
    const how = `${this.name} ${describe(ending)}`;
    for (const { ended } of this.#wishes) ended(how);
    // Lines that are not the log's tell the reason of an exit, or where it broke.
    const words = [...this.lines, ...this.errors].filter((line) => !/^(\{|$)/.test(line));
    if (!current.isToEnd) this.#options.onDeath?.(how, words.slice(-LAST_WORDS));
    return ending;
  }

  #untilSaid(isIt: Wish["isIt"], what: string, msMax: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const fail = (how: string) => {
      const cause = [...this.lines.slice(-LINES_SHOWN), ...this.errors].join("\n");
      reject(new Error(`${how} before ${what}`, { cause }));
    };
    const wish = { isIt, granted: resolve, ended: fail };
    const timer = setTimeout(() => fail(`${this.name} went on for ${msMax} ms`), msMax);
    this.#wishes.add(wish);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#wishes.delete(wish);
    });
  }

  async #read(stream: ReadableStream<Uint8Array>, into: string[]): Promise<void> {
    const { onLine, linesMax = Infinity } = this.#options;
    for await (const line of linesOf(stream)) {
      into.push(line);
      if (into.length > linesMax) into.shift();
      onLine?.(line);
      if (into === this.errors) continue;
      for (const { isIt, granted } of this.#wishes) if (isIt(line)) granted(line);
    }
  }
}

/** Runs a program to its end; `input` is what it reads. */
export async function run(
  command: readonly string[],
  { input, ...options }: RunOptions & { readonly input?: string } = {},
): Promise<Ending & { readonly out: string; readonly err: string }> {
  const child = spawn(command, { ...options, withInput: input !== undefined });
  if (input !== undefined) void child.stdin?.write(input);
  void child.stdin?.end();
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { ...endingOf(child), out, err };
}

/** Kills all that run at once, whatever they are doing. */
export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

const running = new Set<Bun.Subprocess>();

type SpawnOptions = RunOptions & Pick<ChildOptions, "withInput" | "whenGone">;

function spawn(
  command: readonly string[],
  { env = process.env, cwd, session = "own", withInput = false, whenGone = "KILL" }: SpawnOptions,
) {
  const detached = session === "own";
  const child = Bun.spawn([...command], {
    env: { ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: withInput ? "pipe" : "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached,
  });
  // The first process of a session stands for all of it.
  const release = onceGone(`kill -${whenGone} ${detached ? "-" : ""}${child.pid}`);
  running.add(child);
  void child.exited.then(() => {
    running.delete(child);
    release();
  });
  return child;
}

function saysReady(line: string): boolean {
  return /"msg":"(?:ready|listening)"/.test(line);
}

function endingOf({ exitCode, signalCode }: Bun.Subprocess): Ending {
  return { code: exitCode, signal: signalCode as NodeJS.Signals | null };
}

function describe({ code, signal }: Ending): string {
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
}

/** Gives the lines of a stream as they come; the last one may have no end. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() as string;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
