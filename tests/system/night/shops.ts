/** Shops that post one payment after the other all night, each until it is answered 202. */
import { eachOf } from "../../../testing/each.ts";
import type { GatewayClient } from "../../../testing/gateway.ts";
import type { Answer } from "../audit.ts";

const SHOPS = 6;
const PAUSE_MS = 100;
const AMOUNT_CENTS = 1_990;

export class Shops implements Disposable {
  /** Payments that were answered 202, in that order. */
  readonly accepted: string[] = [];
  readonly #gateways: readonly GatewayClient[];
  readonly #all: Promise<void[]>;
  #isOver = false;
  #isAbandoned = false;

  constructor(gateways: readonly GatewayClient[]) {
    this.#gateways = gateways;
    this.#all = Promise.all(Array.from({ length: SHOPS }, (_, shop) => this.#open(shop)));
  }

  /** Posts once more what was answered 202, as shops do that are told of a restore. */
  async repeatAll(): Promise<void> {
    await eachOf([...this.accepted], (id) => this.#payAt(0, id));
  }

  /** Ends when each has its last 202. */
  async close(): Promise<Answer[]> {
    this.#isOver = true;
    await this.#all;
    return this.accepted.map((correlationId) => {
      return { correlationId, amountCents: AMOUNT_CENTS, outcome: "accepted" };
    });
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#isAbandoned = true;
  }

  async #open(shop: number): Promise<void> {
    while (!this.#isOver) {
      const id = crypto.randomUUID();
      await this.#payAt(shop, id);
      this.accepted.push(id);
      await Bun.sleep(PAUSE_MS);
    }
  }

  /** Tries one API after the other. */
  async #payAt(first: number, id: string): Promise<void> {
    for (let api = first; !this.#isAbandoned; api++) {
      const gateway = this.#gateways[api % this.#gateways.length] as GatewayClient;
      const status = await gateway.pay(id, AMOUNT_CENTS);
      if (status === 202) return;
      if (status !== 503 && status !== null) throw new Error(`${id} was answered ${status}`);
      await Bun.sleep(PAUSE_MS);
    }
  }
}
