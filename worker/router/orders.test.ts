import { expect, test } from "bun:test";
import fc from "fast-check";
import { anyAmountCents, anyTariff } from "../../shared/tariff.fixture.ts";
import { feeOf, FREE, millionthsOf, shareOf } from "../../shared/tariff.ts";
import { Orders } from "./orders.ts";

const named = (orders: Orders<{ name: string }>, amountCents: number) =>
  orders.of(amountCents).tiers.map((tier) => tier.map(({ name }) => name).join("="));

const CARDS = { name: "cards", fee: { ...FREE, perMillion: 29_000, fixedCents: 30 } };
const SHARE = { name: "share", fee: shareOf(0.05) };

test("an order is that of the amount, exactly at the break-even, too", () => {
  const orders = new Orders([CARDS, SHARE]);
  expect(named(orders, 1_428)).toEqual(["share", "cards"]);
  expect(named(orders, 1_429)).toEqual(["cards", "share"]);
  const even = new Orders([SHARE, { name: "fixed", fee: { ...FREE, fixedCents: 50 } }]);
  expect([999, 1_000, 1_001].map((cents) => named(even, cents))).toEqual([
    ["share", "fixed"],
    ["share=fixed"],
    ["fixed", "share"],
  ]);
});

test("amounts of one order share it, and as long as fees are shares there is only one", () => {
  const orders = new Orders([CARDS, SHARE]);
  expect(orders.of(1)).toBe(orders.of(1_428));
  expect(orders.of(1)).not.toBe(orders.of(1_429));
  const shares = new Orders([SHARE, { name: "other", fee: shareOf(0.049999) }]);
  expect(shares.of(1)).toBe(shares.of(100_000_000_000));
  expect(named(shares, 1)).toEqual(["other", "share"]);
});

test("for any tariffs and amount every lane is in one tier, and tiers go from cheap to dear", () => {
  fc.assert(
    fc.property(
      fc.array(anyTariff, { minLength: 1, maxLength: 6 }),
      fc.array(anyAmountCents, { minLength: 1, maxLength: 4 }),
      (tariffs, amounts) => {
        const lanes = tariffs.map((fee, i) => ({ name: String(i), fee }));
        const orders = new Orders(lanes);
        for (const amountCents of amounts) {
          const { tiers } = orders.of(amountCents);
          const costs = tiers.map((tier) =>
            tier.map(({ fee }) => millionthsOf(feeOf(fee, amountCents))),
          );
          expect(tiers.flat().toSorted((a, b) => Number(a.name) - Number(b.name))).toEqual(lanes);
          for (const [i, tier] of costs.entries()) {
            expect(new Set(tier).size).toBe(1);
            if (i > 0) expect(tier[0]! > costs[i - 1]![0]!).toBe(true);
          }
        }
      },
    ),
  );
});
