/** Posts a steady trickle of payments, so that there is something to see. */
import type { GatewayClient } from "../../testing/gateway.ts";

const EVERY_MS = 20;

export class Traffic implements Disposable {
  /** Ids answered 202, oldest first. */
  readonly ids: string[] = [];
  readonly #timer: Timer;

  constructor(gateway: GatewayClient, perSecond: number) {
    const startedAtMs = performance.now();
    let posted = 0;
    this.#timer = setInterval(() => {
      const due = ((performance.now() - startedAtMs) * perSecond) / 1_000;
      for (; posted < due; posted++) void this.#pay(gateway, 100 + ((posted * 7_919) % 20_000));
    }, EVERY_MS);
  }

  async #pay(gateway: GatewayClient, amountCents: number): Promise<void> {
    const id = crypto.randomUUID();
    if ((await gateway.pay(id, amountCents)) === 202) this.ids.push(id);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
