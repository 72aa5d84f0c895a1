/**
 * Decides whose fault a 400 is, as a core: the payment's, if its processor has rejected this very payment
 * before, has accepted another one since, and did so within a minute; otherwise perhaps the processor's
 * own, or our configuration's, and no payment is given up for that. Such a payment waits, and is tried
 * again as soon as another is accepted.
 *
 * A processor that accepts what it has rejected before contradicts itself, as a service does that has a
 * broken machine among its machines: for a minute nothing that it rejects is the payment's fault.
 *
 * Several in a row, without an acceptance in between, say something about the processor: it is tripped,
 * and the later ones are not believed, although it took payments before.
 */
const BELIEVED_MS = 60_000;
const CONTRADICTED_MS = 60_000;
const IN_A_ROW_MAX = 3;

export class Rejections {
  /** Acceptances since the start: a payment remembers how many when it is rejected. */
  acceptances = 0;
  #acceptedAtMs = Number.NEGATIVE_INFINITY;
  #contradictedAtMs = Number.NEGATIVE_INFINITY;
  #inARow = 0;

  /** True when rejections came since the last acceptance. */
  get pending(): boolean {
    return this.#inARow > 0;
  }

  accepted(nowMs: number): void {
    this.acceptances++;
    this.#acceptedAtMs = nowMs;
    this.#inARow = 0;
  }

  /** Records that it has accepted a payment that it had rejected before. */
  contradicted(nowMs: number): void {
    this.#contradictedAtMs = nowMs;
  }

  /** Records a rejection, and gives what it says about the processor. */
  rejected(): "rejected" | "trip" {
    return ++this.#inARow >= IN_A_ROW_MAX ? "trip" : "rejected";
  }

  /**
   * True when the last rejection is taken for the payment's fault. `before`: `acceptances` when the
   * payment was rejected first.
   */
  believed(nowMs: number, before: number): boolean {
    if (this.acceptances <= before || this.#inARow > IN_A_ROW_MAX) return false;
    if (nowMs - this.#contradictedAtMs <= CONTRADICTED_MS) return false;
    return nowMs - this.#acceptedAtMs <= BELIEVED_MS;
  }
}
