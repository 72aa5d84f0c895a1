/**
 * Whose fault a 400 is, as a core: the payment's, if its processor has rejected this very payment
 * before, has accepted another one since, and did so within a minute; otherwise perhaps the processor's
 * own, or our configuration's, and nobody's payment is given up for that. Such a payment waits, and is
 * tried again as soon as one is accepted.
 *
 * A processor that accepts what it has rejected before contradicts itself, as one does of whose machines
 * one is broken: for a minute nothing that it rejects is the payment's fault.
 *
 * Several in a row, without an acceptance in between, say something about the processor: it is tripped,
 * and the later ones are not believed, whatever it took before.
 */
const BELIEVED_MS = 60_000;
const CONTRADICTED_MS = 60_000;
const IN_A_ROW_MAX = 3;

export class Rejections {
  /** What it has accepted since the start: a payment remembers how many when it is rejected. */
  acceptances = 0;
  #acceptedAtMs = Number.NEGATIVE_INFINITY;
  #contradictedAtMs = Number.NEGATIVE_INFINITY;
  #inARow = 0;

  /** Some came since the last acceptance. */
  get pending(): boolean {
    return this.#inARow > 0;
  }

  accepted(nowMs: number): void {
    this.acceptances++;
    this.#acceptedAtMs = nowMs;
    this.#inARow = 0;
  }

  /** It has accepted a payment that it had rejected before. */
  contradicted(nowMs: number): void {
    this.#contradictedAtMs = nowMs;
  }

  /** What one more says about the processor. */
  rejected(): "rejected" | "trip" {
    return ++this.#inARow >= IN_A_ROW_MAX ? "trip" : "rejected";
  }

  /** Whether the last one was the payment's fault. `before`: `acceptances` when it was rejected first. */
  believed(nowMs: number, before: number): boolean {
    if (this.acceptances <= before || this.#inARow > IN_A_ROW_MAX) return false;
    if (nowMs - this.#contradictedAtMs <= CONTRADICTED_MS) return false;
    return nowMs - this.#acceptedAtMs <= BELIEVED_MS;
  }
}
