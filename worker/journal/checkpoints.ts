/**
 * Tells, as a core, how checkpoints fare. A checkpoint that fails loses nothing, since the log keeps
 * everything; when they go on failing the log grows until the disk is full, and an operator must know
 * before it is.
 */
const FAILING_MS_MAX = 10_000;

export class Checkpoints {
  failures = 0;
  #failing: { readonly sinceMs: number; readonly reason: string } | null = null;

  failed(nowMs: number, reason: string): void {
    this.failures++;
    this.#failing = { sinceMs: this.#failing?.sinceMs ?? nowMs, reason };
  }

  succeeded(): void {
    this.#failing = null;
  }

  /** Reason why they fail at the moment, or null. */
  get failing(): string | null {
    return this.#failing?.reason ?? null;
  }

  /** Gives the same reason, once they have failed for so long that the log may fill the disk. */
  trouble(nowMs: number): string | null {
    const failing = this.#failing;
    return failing !== null && nowMs - failing.sinceMs >= FAILING_MS_MAX ? failing.reason : null;
  }
}
