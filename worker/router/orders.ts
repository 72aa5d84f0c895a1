/**
 * Orders the lanes from cheap to dear for an amount: 2.9 % + 0.30 beats 5 % above 14.29 and not below.
 * Lanes that cost exactly the same for it are one step. There are few orders, however many amounts:
 * payments of one order wait in one line (`worker/pipeline/waiting-lines.ts`), since each of them may have what the next has.
 *
 * When every lane charges a part of the amount and nothing else, one order serves all amounts, and it is
 * made once. Break-even amounts made ahead were refused for the others: with fees that are rounded to the
 * cent there are thousands, and comparing a few fees takes less than finding a place among those.
 */
import {
  compareFees,
  feeOf,
  isSameTariff,
  isShare,
  type Fee,
  type Tariff,
} from "../../shared/tariff.ts";

type Charging = { readonly fee: Tariff };

/** Lanes that cost the same. */
export type Tier<L> = readonly L[];
export type Order<L> = {
  /** Counts from 0, as orders occur. */
  readonly number: number;
  /** Cheapest first. */
  readonly tiers: readonly Tier<L>[];
};
/** Lanes by their place in the configuration, from cheap to dear, and which of them begin a tier. */
type Ranking = { readonly lanes: readonly number[]; readonly begins: readonly boolean[] };

export class Orders<L> {
  readonly #lanes: readonly (L & Charging)[];
  /** Orders that have occurred, each beside its ranking. */
  readonly #known: Order<L>[] = [];
  readonly #rankings: Ranking[] = [];
  readonly #fees: Fee[];
  readonly #only: Order<L> | null;

  constructor(lanes: readonly (L & Charging)[]) {
    this.#lanes = lanes;
    this.#fees = lanes.map(({ fee }) => feeOf(fee, 1));
    const isOne =
      lanes.every(({ fee }) => isShare(fee)) ||
      lanes.every(({ fee }) => isSameTariff(fee, lanes[0]!.fee));
    this.#only = isOne ? this.#add() : null;
  }

  of(amountCents: number): Order<L> {
    return this.#only ?? this.#find(amountCents);
  }

  #find(amountCents: number): Order<L> {
    for (let lane = 0; lane < this.#lanes.length; lane++) {
      this.#fees[lane] = feeOf(this.#lanes[lane]!.fee, amountCents);
    }
    for (let i = 0; i < this.#rankings.length; i++) {
      if (this.#fits(this.#rankings[i]!)) return this.#known[i]!;
    }
    return this.#add();
  }

  #fits({ lanes, begins }: Ranking): boolean {
    for (let i = 1; i < lanes.length; i++) {
      const more = compareFees(this.#fees[lanes[i]!]!, this.#fees[lanes[i - 1]!]!);
      if (begins[i] === true ? more <= 0 : more !== 0) return false;
    }
    return true;
  }

  /** The order of the fees as they are now. */
  #add(): Order<L> {
    const fees = this.#fees;
    const lanes = [...fees.keys()].sort((a, b) => compareFees(fees[a]!, fees[b]!));
    const begins = lanes.map((lane, i) => {
      return i === 0 || compareFees(fees[lanes[i - 1]!]!, fees[lane]!) !== 0;
    });
    const tiers: L[][] = [];
    for (const [i, lane] of lanes.entries()) {
      if (begins[i] === true) tiers.push([]);
      tiers.at(-1)!.push(this.#lanes[lane]!);
    }
    const order = { number: this.#known.length, tiers };
    this.#known.push(order);
    this.#rankings.push({ lanes, begins });
    return order;
  }
}
