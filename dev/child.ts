/** One process of the plan: started, started again when it dies, and ended when it is told to. */
import { LIFELINE, LIFELINE_NAME } from "./lifeline.ts";
import { print, printLines } from "./output.ts";
import type { ProcessPlan } from "./plan.ts";

const READY_MS_MAX = 15_000;
const BACKOFF_MS_FIRST = 100;
const BACKOFF_MS_MAX = 2_000;
/** One that ran for this long is started again without having earlier deaths held against it. */
const HEALTHY_MS = 1_000;
/** A child drains within 5 s by its own account. */
const STOP_MS_MAX = 6_000;

type Running = Bun.Subprocess<"pipe", "pipe", "pipe">;

export class Child {
  readonly #plan: ProcessPlan;
  readonly #started = Promise.withResolvers<void>();
  #process: Running | null = null;
  #ended: Promise<void> = Promise.resolve();
  #isReady = false;
  #stopping = false;
  #backoffMs = BACKOFF_MS_FIRST;
  #restart: Timer | null = null;

  constructor(plan: ProcessPlan) {
    this.#plan = plan;
  }

  /** Resolves when it says that it is ready; rejects when it ends before, or takes too long. */
  async start(): Promise<void> {
    if (this.#stopping) return;
    this.#spawn();
    const { name } = this.#plan;
    const late = new Error(`${name} was not ready within ${READY_MS_MAX} ms`);
    const timer = setTimeout(() => this.#started.reject(late), READY_MS_MAX);
    await this.#started.promise.finally(() => clearTimeout(timer));
  }

  /** Ends it; resolves, once it is gone, to whether it drained by itself. */
  async stop(): Promise<boolean> {
    this.#stopping = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const running = this.#process;
    if (running === null) return true;
    running.kill("SIGTERM");
    const force = setTimeout(() => running.kill("SIGKILL"), STOP_MS_MAX);
    await this.#ended;
    clearTimeout(force);
    // One that was only just starting had nothing to drain yet, and ends by the signal itself.
    return running.exitCode === 0 || running.signalCode === "SIGTERM";
  }

  kill(): void {
    this.#stopping = true;
    this.#process?.kill("SIGKILL");
  }

  /** As a crash would: it is started again. */
  crash(): void {
    this.#process?.kill("SIGKILL");
  }

  #spawn(): void {
    const { name, script, env } = this.#plan;
    const startedAtMs = performance.now();
    const running = Bun.spawn([process.execPath, "--preload", LIFELINE, script], {
      env: { ...env, [LIFELINE_NAME]: "stdin" },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      // In a session of its own: the terminal's Ctrl-C reaches us only, and children one SIGTERM.
      detached: true,
    });
    this.#process = running;
    void print(name, `started, pid ${running.pid}`);
    const streams = [running.stdout, running.stderr].map((stream) =>
      printLines(name, stream, (line) => this.#heard(line)),
    );
    this.#ended = Promise.all([running.exited, ...streams]).then(() => {
      this.#process = null;
      if (!this.#stopping) this.#died(running, performance.now() - startedAtMs);
    });
  }

  #heard(line: string): void {
    if (this.#isReady || !/"msg":"(?:ready|listening)"/.test(line)) return;
    this.#isReady = true;
    this.#started.resolve();
  }

  #died({ signalCode, exitCode }: Running, livedMs: number): void {
    const { name } = this.#plan;
    const how = signalCode === null ? `ended with code ${exitCode}` : `was ended by ${signalCode}`;
    if (!this.#isReady) {
      this.#started.reject(new Error(`${name} ${how} before it was ready`));
      return;
    }
    if (livedMs >= HEALTHY_MS) this.#backoffMs = BACKOFF_MS_FIRST;
    const waitMs = this.#backoffMs;
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, waitMs * 2);
    void print("dev", `${name} ${how}; it is started again in ${waitMs} ms`);
    this.#restart = setTimeout(() => this.#spawn(), waitMs);
  }
}
