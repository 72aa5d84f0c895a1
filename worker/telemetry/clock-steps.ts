/** Notices that somebody set the wall clock, by the steady one beside it. Slow corrections are no steps. */
const STEP_MS_MIN = 1_000;
/** Long enough that who comes after an alarm still reads of it. */
const TOLD_MS = 10 * 60_000;

export class ClockSteps {
  #apartMs: number | null = null;
  #last: { readonly byMs: number; readonly atMs: number } | null = null;

  /** Compares with the look before. */
  look(wallMs: number, steadyMs: number): void {
    const apartMs = wallMs - steadyMs;
    const byMs = Math.round(apartMs - (this.#apartMs ?? apartMs));
    this.#apartMs = apartMs;
    if (Math.abs(byMs) >= STEP_MS_MIN) this.#last = { byMs, atMs: steadyMs };
  }

  /** The last step; null when there was none lately. */
  lately(steadyMs: number): number | null {
    if (this.#last === null || steadyMs - this.#last.atMs > TOLD_MS) return null;
    return this.#last.byMs;
  }
}
