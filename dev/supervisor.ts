import { KeptChild } from "./child.ts";
import type { ProcessPlan } from "./plan.ts";

/** All processes of the plan, started in its order and stopped in the reverse one. */
export class Supervisor {
  readonly #groups: readonly (readonly KeptChild[])[];
  #stopping = false;

  constructor(plan: readonly (readonly ProcessPlan[])[]) {
    this.#groups = plan.map((group) => group.map((process) => new KeptChild(process)));
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Starts all; rejects when one ends before it was ready. */
  async start(): Promise<void> {
    for (const group of this.#groups) {
      if (this.#stopping) return;
      await Promise.all(group.map((child) => child.start()));
    }
  }

  /** Stops the APIs first, so that what they have taken is answered. Resolves to the code to exit with. */
  async stop(): Promise<number> {
    this.#stopping = true;
    let drained = true;
    for (const group of this.#groups.toReversed()) {
      const each = await Promise.all(group.map((child) => child.stop()));
      drained &&= each.every(Boolean);
    }
    return drained ? 0 : 1;
  }

  /** Ends a process as `kill -9` does. */
  crash(name: string): void {
    for (const child of this.#groups.flat()) if (child.name === name) child.crash();
  }

  kill(): void {
    this.#stopping = true;
    for (const child of this.#groups.flat()) child.kill();
  }
}
