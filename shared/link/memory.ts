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

type InTransit = { readonly dueAtMs: number; readonly order: number; readonly deliver: () => void };

export class MemoryNetwork {
  faults: NetworkFaults;
  readonly #random: () => number;
  #inTransit: InTransit[] = [];
  #sent = 0;

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
      this.#inTransit.push({ dueAtMs, order: this.#sent++, deliver });
      onSent(dueAtMs);
    }
  }

  /** Delivers everything that is due, in order of arrival. True when something was delivered. */
  tick(nowMs: number): boolean {
    const due = this.#inTransit.filter((datagram) => datagram.dueAtMs <= nowMs);
    if (due.length === 0) return false;
    this.#inTransit = this.#inTransit.filter((datagram) => datagram.dueAtMs > nowMs);
    due.sort((a, b) => a.dueAtMs - b.dueAtMs || a.order - b.order);
    for (const datagram of due) datagram.deliver();
    return true;
  }
}
