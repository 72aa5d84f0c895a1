/**
 * A network in memory with the faults of a real one, drawn from a seed: loss, repetition, delay and
 * (through unequal delays) reorder. Time is given; nothing happens but in `tick`.
 */
export type NetworkFaults = {
  /** Probabilities from 0 to 1. */
  readonly loss: number;
  readonly repeat: number;
  readonly delayMsMax: number;
};

type InTransit = { readonly dueAtMs: number; readonly deliver: () => void };

export class MemoryNetwork {
  faults: NetworkFaults;
  readonly #random: () => number;
  /** In the order of arrival; of two that arrive at once, the one that was sent first. */
  readonly #inTransit: InTransit[] = [];

  constructor(random: () => number, faults: NetworkFaults = { loss: 0, repeat: 0, delayMsMax: 0 }) {
    this.#random = random;
    this.faults = faults;
  }

  /**
   * Puts a datagram on its way; `deliver` runs in the tick at which it arrives, if it does. `onSent`
   * is told when a tick is due for it.
   */
  send(nowMs: number, deliver: () => void, onSent: (dueAtMs: number) => void = () => {}): void {
    if (this.#random() < this.faults.loss) return;
    const copies = this.#random() < this.faults.repeat ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const dueAtMs = nowMs + this.#random() * this.faults.delayMsMax;
      const place = this.#inTransit.findLastIndex((other) => other.dueAtMs <= dueAtMs) + 1;
      this.#inTransit.splice(place, 0, { dueAtMs, deliver });
      onSent(dueAtMs);
    }
  }

  /** Delivers everything that is due, in order of arrival. True when something was delivered. */
  tick(nowMs: number): boolean {
    let count = 0;
    while (count < this.#inTransit.length && this.#inTransit[count]!.dueAtMs <= nowMs) count++;
    for (const { deliver } of this.#inTransit.splice(0, count)) deliver();
    return count > 0;
  }
}
