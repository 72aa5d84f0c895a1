/**
 * The shops: they post payments, and repeat what was not answered with 202 or 409, as careful shops
 * do; some leave, some post an id twice at once, some come back with another amount.
 */
import type { Verdict } from "../../shared/verdict.ts";
import { carriedBy } from "./carried.ts";
import type { Door } from "./door.ts";
import type { Chance } from "./chance.ts";
import type { Ingress } from "./ingress.ts";
import type { Plan } from "./plan.ts";
import type { Time } from "./time.ts";

/** Called with the answer that a shop was given, and with what it had asked for. */
export type Told = (correlationId: string, amountCents: number, answer: "202" | "409") => void;

export type ShopOptions = {
  readonly time: Time;
  readonly chance: Chance;
  readonly plan: Plan;
  readonly apis: readonly Ingress[];
  readonly door: Door;
  readonly onTold: Told;
};

export class Shop {
  readonly posted: { readonly correlationId: string; readonly amountCents: number }[] = [];
  readonly #options: ShopOptions;

  constructor(options: ShopOptions) {
    this.#options = options;
  }

  /** Plans `count` payments over the time of trouble. */
  open(count: number): void {
    const { time, chance, plan } = this.#options;
    for (let i = 0; i < count; i++) {
      // Half of them come in bursts, so that frames and commits hold several.
      const atMs = chance.happens(0.5)
        ? chance.next() * plan.troubleMs
        : Math.floor(chance.next() * 8) * (plan.troubleMs / 8);
      time.after(atMs, () => this.#postNew());
    }
  }

  /** Posts once more; `done` is called when an answer came. */
  post(correlationId: string, amountCents: number, done: (verdict: Verdict | null) => void): void {
    const { chance, apis, plan, door } = this.#options;
    const api = chance.pick(apis);
    const payment = carriedBy(plan, correlationId, amountCents);
    const isTaken = plan.dress.isOverHttp ? door.post(api, payment, done) : api.pay(payment, done);
    if (!isTaken) done(null);
  }

  #postNew(): void {
    const { time, chance, plan } = this.#options;
    const correlationId = chance.uuid();
    // Cents are odd on purpose: sums of decimals would drift.
    const amountCents = chance.between(1, 99_999);
    this.posted.push({ correlationId, amountCents });
    this.#insist(correlationId, amountCents, chance.between(1, 12));
    if (chance.happens(plan.shop.repeats)) {
      const laterMs = chance.pick([0, 1, 40, 3_000]);
      time.after(laterMs, () => this.#insist(correlationId, amountCents, 2));
    }
    if (chance.happens(plan.shop.otherAmounts)) {
      const laterMs = chance.pick([0, 1, 40, 3_000]);
      time.after(laterMs, () => this.#insist(correlationId, amountCents + 1, 2));
    }
  }

  #insist(correlationId: string, amountCents: number, triesLeft: number): void {
    const { time, chance, plan, onTold } = this.#options;
    this.post(correlationId, amountCents, (verdict) => {
      if (verdict?.kind === "stored" || verdict?.kind === "duplicate") {
        return onTold(correlationId, amountCents, "202");
      }
      if (verdict?.kind === "conflict") return onTold(correlationId, amountCents, "409");
      if (triesLeft === 0 || chance.happens(plan.shop.leaves)) return;
      const pauseMs = 100 + chance.next() * 1_000;
      time.after(pauseMs, () => this.#insist(correlationId, amountCents, triesLeft - 1));
    });
  }
}
