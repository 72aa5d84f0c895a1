/** One process of the gateway, started, signalled and started again by the test and by nobody else. */
import { guard, release } from "./guard.ts";

const READY_MS_MAX = 20_000;
/** What the project promises about SIGTERM. */
const DRAIN_MS_MAX = 5_000;
const LINES_KEPT = 400;

type Running = Bun.Subprocess<"ignore", "pipe", "pipe">;
type Run = {
  readonly process: Running;
  readonly startedAtMs: number;
  readonly ready: PromiseWithResolvers<void>;
  isReady: boolean;
  /** Resolves when it is gone and everything it said is read. */
  readonly ended: Promise<void>;
  /** We have sent it a signal that may end it. */
  isToEnd: boolean;
};

export type ServiceOptions = {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Record<string, string>;
  /** Called when it ends although nobody asked it to, with how and with its last words. */
  readonly onDeath: (text: string) => void;
};

export class Service implements AsyncDisposable {
  readonly name: string;
  /** What all of its lives have said, the latest lines. */
  readonly lines: string[] = [];
  env: Record<string, string>;
  starts = 0;
  #run: Run | null = null;
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.name = options.name;
    this.env = options.env;
  }

  get pid(): number {
    if (this.#run === null) throw new Error(`${this.name} does not run`);
    return this.#run.process.pid;
  }

  get isReady(): boolean {
    return this.#run?.isReady === true;
  }

  /** Only starts it; `untilReady` waits. */
  start(): void {
    if (this.#run !== null) throw new Error(`${this.name} runs already`);
    this.starts++;
    const child = Bun.spawn([...this.#options.command], {
      env: this.env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    guard(child.pid);
    const ready = Promise.withResolvers<void>();
    const read = [child.stdout, child.stderr].map((stream) => this.#read(stream, ready));
    void ready.promise.then(
      () => (run.isReady = true),
      // One that is killed before it is ready has nobody who waits for it.
      () => {},
    );
    const run: Run = {
      process: child,
      startedAtMs: performance.now(),
      ready,
      isReady: false,
      isToEnd: false,
      ended: Promise.all([child.exited, ...read]).then(() => this.#gone(run)),
    };
    this.#run = run;
  }

  /** How long it took since its start, in milliseconds. */
  async untilReady(): Promise<number> {
    const run = this.#running();
    const late = new Error(`${this.name} was not ready within ${READY_MS_MAX} ms`);
    const timer = setTimeout(() => run.ready.reject(late), READY_MS_MAX);
    await run.ready.promise.finally(() => clearTimeout(timer));
    return performance.now() - run.startedAtMs;
  }

  async startAndWait(): Promise<number> {
    this.start();
    return this.untilReady();
  }

  /** Resolves when the kernel has taken everything from it, its sockets and locks too. */
  async kill(): Promise<void> {
    const run = this.#run;
    if (run === null) return;
    run.isToEnd = true;
    run.process.kill("SIGKILL");
    await run.ended;
  }

  freeze(): void {
    this.#running().process.kill("SIGSTOP");
  }

  thaw(): void {
    this.#run?.process.kill("SIGCONT");
  }

  /** Only asks; `kill` or `drain` see to its end. */
  terminate(): void {
    const run = this.#running();
    run.isToEnd = true;
    run.process.kill("SIGTERM");
  }

  /** SIGTERM. The complaint says what was not as promised, and is null when it was. */
  async drain(): Promise<{ readonly tookMs: number; readonly complaint: string | null }> {
    const run = this.#running();
    const startedAtMs = performance.now();
    this.terminate();
    const force = setTimeout(() => run.process.kill("SIGKILL"), 2 * DRAIN_MS_MAX);
    await run.process.exited;
    const tookMs = performance.now() - startedAtMs;
    clearTimeout(force);
    await run.ended;
    const { exitCode, signalCode } = run.process;
    if (exitCode === 0 && tookMs <= DRAIN_MS_MAX) return { tookMs, complaint: null };
    const how = `${signalCode ?? exitCode} after ${tookMs.toFixed(0)} ms`;
    return { tookMs, complaint: `${this.name} did not drain, it ended with ${how}` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #running(): Run {
    if (this.#run === null) throw new Error(`${this.name} does not run`);
    return this.#run;
  }

  #gone(run: Run): void {
    release(run.process.pid);
    if (this.#run === run) this.#run = null;
    run.ready.reject(new Error(`${this.name} ended before it was ready`));
    const { signalCode, exitCode } = run.process;
    if (run.isToEnd) return;
    const how = `${this.name} ended by itself with ${signalCode ?? exitCode}`;
    // What is not of the log: the reason of an exit, or where it broke.
    const said = this.lines.filter((line) => line !== "" && !line.startsWith("{")).slice(-5);
    this.#options.onDeath(`${how}: ${said.join(" | ")}`);
  }

  async #read(
    stream: ReadableStream<Uint8Array>,
    ready: PromiseWithResolvers<void>,
  ): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of stream) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) {
        if (line.includes('"msg":"ready"')) ready.resolve();
        this.lines.push(line);
      }
      if (this.lines.length > LINES_KEPT) this.lines.splice(0, this.lines.length - LINES_KEPT);
    }
    if (rest !== "") this.lines.push(rest);
  }
}
