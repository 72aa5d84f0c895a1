import { expect, test } from "bun:test";
import { shareOf } from "../../shared/tariff.ts";
import { erasOf } from "../tariffs.ts";
import { eventOf, type Ended } from "./event.ts";

const AT_MS = Date.UTC(2026, 0, 31, 9, 30);
const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const ENDED: Ended = {
  correlationId: ID,
  state: "settled",
  amountCents: 1_990,
  processor: 1,
  requestedAtMs: AT_MS,
  endedAtMs: AT_MS + 1_000,
  reference: null,
  reason: null,
  code: null,
};
const TERMS = [
  { number: 1, processor: 1, fromMs: 0, terms: shareOf(0.05) },
  { number: 2, processor: 1, fromMs: AT_MS + 1, terms: shareOf(0.5) },
];
const KNOWN = { names: ["a", 'b"'], eras: erasOf(TERMS, 2) };

const bodyOf = (more: Partial<Ended>) => JSON.parse(eventOf({ ...ENDED, ...more }, KNOWN).body);

test("a settled payment costs what was charged when it was sent", () => {
  expect(eventOf(ENDED, KNOWN)).toMatchObject({ id: `settled_${ID}`, type: "payment.settled" });
  expect(bodyOf({})).toEqual({
    type: "payment.settled",
    timestamp: "2026-01-31T09:30:01.000Z",
    data: {
      correlationId: ID,
      amount: 19.9,
      processor: 'b"',
      requestedAt: "2026-01-31T09:30:00.000Z",
      settledAt: "2026-01-31T09:30:01.000Z",
      fee: 0.995,
    },
  });
  expect(bodyOf({ requestedAtMs: AT_MS + 5 }).data.fee).toBe(9.95);
});

test("one that is not settled has a reason, and neither a fee nor a time of settling", () => {
  const { type, data } = bodyOf({ state: "rejected", reason: '400: "no"\n', code: 'a "b"' });
  expect(type).toBe("payment.rejected");
  expect(data).toMatchObject({ reason: '400: "no"\n', code: 'a "b"' });
  expect(data).not.toContainAnyKeys(["fee", "settledAt", "reference"]);
  expect(bodyOf({ state: "rejected", reason: "400" }).data).not.toContainKey("code");
  expect(bodyOf({ state: "conflict" }).type).toBe("payment.conflict");
});

test("a shop's own name for it is in it, whatever stands there", () => {
  expect(bodyOf({ reference: 'Pedido nº 42 "x"' }).data.reference).toBe('Pedido nº 42 "x"');
});

test("the same facts make the same bytes and the same id", () => {
  expect(eventOf({ ...ENDED }, KNOWN)).toEqual(eventOf(ENDED, KNOWN));
});
