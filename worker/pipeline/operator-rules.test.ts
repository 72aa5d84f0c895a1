import { describe, expect, test } from "bun:test";
import type { PaymentAction } from "../intervention.ts";
import { PAYMENT_STATES } from "../transitions.ts";
import { refusalOf, refusalOfClosed, type Facts } from "./operator-rules.ts";

describe("the table, row by row", () => {
  const facts = (more: Partial<Facts> = {}): Facts => ({
    state: "unknown",
    owner: "default",
    configured: true,
    moved: false,
    calls: 0,
    quietMs: 10_000,
    quietMsMin: 2_000,
    ...more,
  });
  const ACTIONS = ["ask", "hold", "release", "settle", "absent"] as const;
  const allowed = (more: Partial<Facts>) =>
    ACTIONS.filter((action) => refusalOf(action, facts(more)) === null);

  test.each([
    ["queued", { state: "queued", owner: null }, ["hold"]],
    ["accepting", { state: "accepting", owner: null }, []],
    ["assigned", { state: "assigned", calls: 1 }, []],
    ["unknown", { state: "unknown" }, ["ask", "hold", "settle", "absent"]],
    ["unknown, in a call", { state: "unknown", calls: 1 }, ["hold"]],
    ["unknown, just tried", { quietMs: 1_999 }, ["ask", "hold", "settle"]],
    ["held", { state: "held", owner: null }, ["release"]],
    ["held by its processor", { state: "held" }, ["ask", "release", "settle", "absent"]],
    ["held, in a call", { state: "held", calls: 1 }, ["release"]],
    ["moved", { moved: true }, ["hold", "settle"]],
    ["not configured", { configured: false }, ["hold", "settle", "absent"]],
  ] as [string, Partial<Facts>, string[]][])("%s", (_, more, expected) => {
    expect(allowed(more)).toEqual(expected as PaymentAction[]);
  });

  test("for every state that a payment can end in", () => {
    const sentences = PAYMENT_STATES.map(refusalOfClosed);
    for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/);
    expect(refusalOfClosed("rejected")).toContain("nothing was charged");
    expect(refusalOfClosed("conflict")).toContain("another amount or time");
  });
});
