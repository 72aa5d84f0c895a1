import { expect, test } from "bun:test";
import fc from "fast-check";
import { scoreOf } from "../bench/contest/score.ts";
import { feesOf } from "./fees.ts";

const at = (name: string, cents: number, fee: number) => ({ name, cents, fee });

test("fees paid, avoided and left, to the last decimal", () => {
  const fees = feesOf([at("default", 1_990, 0.05), at("fallback", 1_990, 0.15)]);
  expect(fees).toMatchObject({
    total: "39.80",
    paid: "3.98",
    avoided: "1.99",
    left: "1.99",
    dearest: { name: "fallback" },
    cheapest: { name: "default" },
  });
  expect(fees!.each.map(({ paid }) => paid)).toEqual(["0.995", "2.985"]);
});

test("large sums keep their decimals", () => {
  const fees = feesOf([at("a", Number.MAX_SAFE_INTEGER, 0.1), at("b", 1, 0.3)]);
  expect(fees!.paid).toBe("9007199254740.994");
});

test("a fee of nothing, of everything, and one with an exponent", () => {
  expect(feesOf([at("a", 100, 0)])!.paid).toBe("0.00");
  expect(feesOf([at("a", 100, 1)])!.paid).toBe("1.00");
  expect(feesOf([at("a", 100, 0.000_000_1)])!.paid).toBe("0.0000001");
  expect(feesOf([])).toBeNull();
});

test("they are what the contest's scorecard counts", () => {
  const cents = fc.nat({ max: 10 ** 9 });
  fc.assert(
    fc.property(cents, cents, (first, second) => {
      const fees = { default: 0.05, fallback: 0.15 };
      const settled = {
        default: { count: 1, cents: first },
        fallback: { count: 1, cents: second },
      };
      const score = scoreOf({ accepted: 2, settled, fees, p99Ms: 1, inconsistencies: 0 });
      const counted = (score.feeCents["default"]! + score.feeCents["fallback"]!) / 100;
      const exact = feesOf([at("default", first, 0.05), at("fallback", second, 0.15)])!.paid;
      expect(Math.abs(Number(exact) - counted)).toBeLessThan(1e-6);
    }),
  );
});
