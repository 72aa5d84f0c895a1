/**
 * A piece of `bun run kill --webhooks`, so that it cannot rot: few kills, from source, and the audit in full;
 * and what the audit says of a shop that lacks something, or was told something else.
 */
import { expect, test } from "bun:test";
import type { Status } from "../../testing/gateway.ts";
import type { Received } from "../../testing/webhook-receiver.ts";
import { kill } from "./kill.ts";
import { reportText } from "./report.ts";
import { auditTold } from "./shop.ts";

const AT_MS = Date.UTC(2026, 0, 31);

test("whatever is killed, the worker or its shop, the shop is told of every payment that ended", async () => {
  const report = await kill({ kills: 4, seed: 3, rate: 60, webhooks: true, source: true });
  process.stdout.write(reportText(report));
  expect(report.violations).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(4);
  expect(report.webhooks?.kills).toBeGreaterThan(0);
  expect(report.webhooks?.told).toBeGreaterThan(100);
});

function statusOf(more: Partial<Status>): Status {
  return {
    status: "settled",
    amountCents: 1_990,
    processor: "default",
    requestedAtMs: AT_MS,
    acceptedAtMs: AT_MS,
    settledAtMs: AT_MS + 1_000,
    fee: 0.995,
    tariff: 1,
    ...more,
  };
}

function eventOf(id: string, type: string, data: object = {}): Received {
  const timestamp = new Date(AT_MS + 1_000).toISOString();
  const requestedAt = new Date(AT_MS).toISOString();
  const given = { correlationId: id, amount: 19.9, processor: "default", requestedAt, ...data };
  return { id: `${type}_${id}`, type: `payment.${type}`, timestamp, data: given };
}

const STATUSES = new Map<string, Status | "missing">([
  ["a", statusOf({})],
  ["b", statusOf({ status: "rejected", settledAtMs: null, fee: null, tariff: null })],
  ["c", statusOf({ status: "unknown", settledAtMs: null, fee: null, tariff: null })],
  ["d", "missing"],
]);
const SETTLED_AT = new Date(AT_MS + 1_000).toISOString();
const A = eventOf("a", "settled", { settledAt: SETTLED_AT, fee: 0.995 });
const B = eventOf("b", "rejected", { reason: "400" });

test("a shop that was told everything, some of it twice, has nothing to complain of", () => {
  expect(auditTold("webhooks", [A, B, A], STATUSES)).toEqual([]);
});

test.each([
  ["a webhook that never came", [A], "not-told", "b"],
  ["another end", [A, B, eventOf("c", "settled")], "told-wrong", "c"],
  ["a payment that nobody knows", [A, B, eventOf("d", "settled")], "told-wrong", "d"],
  ["a payment of somebody else's", [A, B, eventOf("e", "settled")], "told-wrong", "e"],
  [
    "other words the second time",
    [A, B, { ...B, data: { ...B.data, reason: "401" } }],
    "told-wrong",
    "b",
  ],
  ["another amount", [{ ...A, data: { ...A.data, amount: 19.91 } }, B], "told-wrong", "a"],
  ["another fee", [{ ...A, data: { ...A.data, fee: 0.99 } }, B], "told-wrong", "a"],
  ["another instant", [{ ...A, timestamp: new Date(AT_MS).toISOString() }, B], "told-wrong", "a"],
  ["another id", [{ ...A, id: "settled_b" }, B], "told-wrong", "a"],
])("%s is found", (_, told, kind, id) => {
  expect(auditTold("webhooks", told, STATUSES)).toMatchObject([{ kind, id }]);
});
