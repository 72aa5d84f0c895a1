/** The recount finds a figure that is off by the least that there is, and none in figures that are right. */
import { expect, test } from "bun:test";
import { decimalOf, feeOf, millionthsOf } from "../../shared/tariff.ts";
import { seededRandom, integerFrom, pick } from "../../testing/random.ts";
import type { Status } from "../../testing/gateway.ts";
import { tariffOf } from "../../worker/fee-terms.ts";
import { auditFees, auditMoney, feeBy, recount, type Start, type Terms } from "./recount.ts";

const TERMS: readonly Terms[] = [
  { percent: "5" },
  { percent: "2.9", fixed: "0.30", rounding: "half-even" },
  { percent: "3.9999", min: "0.50", max: "40", rounding: "half-up" },
];
const STARTS: Start[] = [
  { atMs: 1_000, fees: { one: TERMS[0]!, two: TERMS[1]! } },
  { atMs: 2_000, fees: { one: TERMS[2]!, two: TERMS[1]! } },
];

function settled(
  processor: string,
  amountCents: number,
  requestedAtMs: number,
  fee: number,
): Status {
  const atMs = { requestedAtMs, acceptedAtMs: requestedAtMs, settledAtMs: requestedAtMs };
  return { status: "settled", amountCents, processor, ...atMs, fee, tariff: 0 };
}

test("it comes to what the gateway's own function comes to", () => {
  const random = seededRandom(1);
  for (let i = 0; i < 2_000; i++) {
    const terms = pick(random, TERMS);
    const cents = integerFrom(random, 1, 10 ** integerFrom(random, 1, 8));
    expect(feeBy(terms, cents)).toBe(millionthsOf(feeOf(tariffOf(terms), cents)));
  }
});

test("a payment has the fee of the worker that assigned it, whatever came afterwards", () => {
  const right = new Map([
    ["a", settled("one", 1_990, 1_999, 0.995)],
    ["b", settled("one", 1_990, 2_000, 0.8)],
  ]);
  expect(auditFees(recount(right, STARTS))).toEqual([]);
  const repriced = new Map([...right, ["a", settled("one", 1_990, 1_999, 0.8)]] as const);
  expect(auditFees(recount(repriced, STARTS))).toMatchObject([{ kind: "wrong-fee", id: "a" }]);
});

test("sums that are a millionth of a cent off are found, each by its name", () => {
  const statuses = new Map([
    ["a", settled("one", 1_990, 1_500, 0.995)],
    ["b", settled("two", 1_000, 1_500, 0.59)],
  ]);
  const terms = { percent: "5", fixed: "0.00", min: "0.00", max: null, rounding: "none" } as const;
  const each = (name: string, cents: number, paid: bigint) => {
    return { name, tariff: 0, terms, count: 1, cents, paid: decimalOf(paid) };
  };
  const money = {
    total: "29.90",
    paid: "1.585",
    avoided: "0.00",
    left: "0.215",
    each: [each("one", 1_990, 99_500_000n), each("two", 1_000, 59_000_000n)],
  };
  const told = (more: object) =>
    auditMoney(recount(statuses, STARTS), null, { ...money, ...more } as never).map(
      ({ text }) => text,
    );
  // 19.90 costs 0.995 at one and 0.88 at two; 10.00 costs 0.50 and 0.59.
  expect(told({})).toEqual(["left: the gateway says 21500000, and it comes to 20500000"]);
  const all = { left: "0.205" };
  expect(told(all)).toEqual([]);
  const off = [each("one", 1_990, 99_500_001n), each("two", 1_000, 59_000_000n)];
  expect(told({ ...all, each: off })).toEqual([
    "one, tariff 0: the gateway says 1 of 1990 cents for 99500001, and it comes to 1 of 1990 cents for 99500000",
  ]);
  expect(told({ ...all, paid: "1.58500001" })).toHaveLength(1);
});
