/**
 * Orders the lanes from cheap to dear for an amount: 2.9 % + 0.30 beats 5 % above 14.29 and not below.
 * Lanes that cost exactly the same for it are one step. There are few orders, however many amounts:
 * payments of one order wait in one line (`worker/pipeline/waiting-lines.ts`), since each of them may have what the next has.
 *
 * When every lane charges a part of the amount and nothing else, one order serves all amounts, and it is
 * made once. Break-even amounts made ahead were refused for the others: with fees that are rounded to the
 * cent there are thousands, and comparing a few fees takes less than finding a place among those.
 */
import { compareFees, feeOf, isSameTariff, isShare, type Tariff } from "../../shared/tariff.ts";

type Charging = { readonly fee: Tariff };

/** Lanes that cost the same. */
export type Tier<L> = readonly L[];
export type Order<L> = {
  /** Counts from 0, as orders occur. */
  readonly number: number;
  /** Cheapest first. */
  readonly tiers: readonly Tier<L>[];
};

export class Orders<L> {
  readonly #lanes: readonly (L & Charging)[];
  readonly #known = new Map<string, Order<L>>();
  readonly #only: Order<L> | null;

  constructor(lanes: readonly (L & Charging)[]) {
    this.#lanes = lanes;
    const isOne =
      lanes.every(({ fee }) => isShare(fee)) ||
      lanes.every(({ fee }) => isSameTariff(fee, lanes[0]!.fee));
    this.#only = isOne ? this.#make(1) : null;
  }

  of(amountCents: number): Order<L> {
    return this.#only ?? this.#make(amountCents);
  }

  #make(amountCents: number): Order<L> {
    const fees = this.#lanes.map(({ fee }) => feeOf(fee, amountCents));
    const ranked = fees.map((_, lane) => lane);
    ranked.sort((a, b) => compareFees(fees[a]!, fees[b]!));
    const tiers: number[][] = [];
    for (const [i, lane] of ranked.entries()) {
      const isNext = i === 0 || compareFees(fees[ranked[i - 1]!]!, fees[lane]!) !== 0;
      if (isNext) tiers.push([lane]);
      else tiers.at(-1)!.push(lane);
    }
    const key = tiers.join("|");
    let order = this.#known.get(key);
    if (order === undefined) {
      const named = tiers.map((tier) => tier.map((lane) => this.#lanes[lane]!));
      this.#known.set(key, (order = { number: this.#known.size, tiers: named }));
    }
    return order;
  }
}
