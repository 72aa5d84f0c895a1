/** Keeps a process of the plan: it is started, started again when it dies, and ended when it is told to. */
import { Child } from "../testing/process.ts";
import { fromSource } from "../testing/programs.ts";
import { print } from "./output.ts";
import type { ProcessPlan } from "./plan.ts";

const READY_MS_MAX = 60_000;
const BACKOFF_MS_FIRST = 100;
const BACKOFF_MS_MAX = 2_000;
/** A process that ran for this long is started again without having earlier deaths held against it. */
const HEALTHY_MS = 1_000;
/** A child drains within 5 s by its own account, and a busy machine adds to it. */
const STOP_MS_MAX = 15_000;

export class KeptChild {
  readonly name: string;
  readonly #child: Child;
  readonly #mayWait: boolean;
  /** True once it has been ready: from then on it is started again. */
  #isKept = false;
  #startedAtMs = 0;
  #backoffMs = BACKOFF_MS_FIRST;
  #restart: Timer | null = null;

  constructor({ name, script, env, mayWait = false }: ProcessPlan) {
    this.name = name;
    this.#mayWait = mayWait;
    this.#child = new Child({
      name,
      command: fromSource(script),
      env,
      readyMsMax: READY_MS_MAX,
      // Lines are printed at once, so that none has to be kept.
      linesMax: 0,
      // The child drains, also when dev is killed.
      whenGone: "TERM",
      onLine: (line) => void print(name, line),
      onDeath: (how) => this.#died(how),
    });
  }

  /**
   * Starts it; resolves when it says that it is ready, or at once when it may wait for another. Rejects when
   * it ends before or takes too long.
   */
  async start(): Promise<void> {
    this.#spawn();
    if (!this.#mayWait) await this.#child.untilReady();
    this.#isKept = true;
  }

  /** Ends it; resolves, once it is gone, to whether it drained by itself. */
  async stop(): Promise<boolean> {
    this.#leave();
    if (!this.#child.isRunning) return true;
    const { code, signal } = await this.#child.stop(STOP_MS_MAX);
    // A process that was only just starting had nothing to drain yet, and ends by the signal
    // itself.
    return code === 0 || signal === "SIGTERM";
  }

  kill(): void {
    this.#leave();
    this.#child.signal("SIGKILL");
  }

  /** Kills it as somebody else's `kill -9` would: it is started again. */
  crash(): void {
    if (this.#child.isRunning) process.kill(this.#child.pid, "SIGKILL");
  }

  #leave(): void {
    this.#isKept = false;
    if (this.#restart !== null) clearTimeout(this.#restart);
  }

  #spawn(): void {
    this.#startedAtMs = performance.now();
    this.#child.start();
    void print(this.name, `started, pid ${this.#child.pid}`);
  }

  #died(how: string): void {
    if (!this.#isKept) return;
    const livedMs = performance.now() - this.#startedAtMs;
    if (livedMs >= HEALTHY_MS) this.#backoffMs = BACKOFF_MS_FIRST;
    const waitMs = this.#backoffMs;
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, waitMs * 2);
    void print("dev", `${how}; it is started again in ${waitMs} ms`);
    this.#restart = setTimeout(() => this.#spawn(), waitMs);
  }
}
