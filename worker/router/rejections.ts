/**
 * Decides whose fault a 400 is, as a core: the payment's, if its processor has shown within a minute
 * that it takes payments; otherwise perhaps the processor's own, or our configuration's, and no payment
 * is given up for that. Such a payment waits, and is tried again as soon as another is accepted.
 *
 * Several in a row, without an acceptance in between, say something about the processor: it is tripped,
 * and the later ones are not believed, although it took payments before. A change for the worse would
 * otherwise end every payment of that minute.
 */
const BELIEVED_MS = 60_000;
const IN_A_ROW_MAX = 3;

export class Rejections {
  #acceptedAtMs = Number.NEGATIVE_INFINITY;
  #inARow = 0;

  /** True when rejections came since the last acceptance. */
  get pending(): boolean {
    return this.#inARow > 0;
  }

  accepted(nowMs: number): void {
    this.#acceptedAtMs = nowMs;
    this.#inARow = 0;
  }

  /** Records a rejection, and gives what it says about the processor. */
  rejected(nowMs: number): "success" | "none" | "trip" {
    this.#inARow++;
    if (this.#inARow >= IN_A_ROW_MAX) return "trip";
    return this.believed(nowMs) ? "success" : "none";
  }

  /** True when the last rejection is taken for the payment's fault. */
  believed(nowMs: number): boolean {
    return this.#inARow <= IN_A_ROW_MAX && nowMs - this.#acceptedAtMs <= BELIEVED_MS;
  }
}
