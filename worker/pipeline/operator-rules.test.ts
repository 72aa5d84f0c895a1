import { describe, expect, test } from "bun:test";
import type { PaymentAction } from "../intervention.ts";
import { PAYMENT_STATES } from "../transitions.ts";
import type { Looked } from "./charge.ts";
import {
  isSentAgain,
  refusalOf,
  refusalOfAbsence,
  refusalOfClosed,
  type Facts,
} from "./operator-rules.ts";

describe("the table, row by row", () => {
  const facts = (more: Partial<Facts> = {}): Facts => ({
    state: "unknown",
    owner: "default",
    configured: true,
    moved: false,
    claimed: false,
    outlived: false,
    calls: 0,
    quietMs: 10_000,
    quietMsMin: 2_000,
    heldBack: false,
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
    [
      "nobody's, and held back",
      { state: "queued", owner: null, configured: false, heldBack: true },
      ["ask", "hold", "absent"],
    ],
    ["held back, just taken", { owner: null, heldBack: true, quietMs: 1_999 }, ["ask", "hold"]],
    ["held back", { moved: true, heldBack: true }, ["ask", "hold", "settle"]],
    ["not configured", { configured: false }, ["hold", "settle", "absent"]],
  ] as [string, Partial<Facts>, string[]][])("%s", (_, more, expected) => {
    expect(allowed(more)).toEqual(expected as PaymentAction[]);
  });

  const NOTHING: Looked = { kind: "nothing", reason: "status 404" };
  const UNASKED: Looked = { kind: "unasked", reason: "status 503" };
  const UNCLEAR: Looked = { kind: "unclear", reason: "200 that cannot be read" };
  test.each<[string, Looked, boolean, boolean, string | null]>([
    ["has nothing", NOTHING, false, false, null],
    ["has nothing, and said that it has", NOTHING, true, true, "default has answered 422"],
    ["cannot be asked", UNASKED, false, false, "default could not be asked (status 503)"],
    ["cannot be asked, as is known", UNASKED, false, true, null],
    ["cannot be asked, and said that it has", UNASKED, true, true, "default has answered 422"],
    ["cannot be understood", UNCLEAR, false, true, "It is not clear whether default has it"],
    ["has it", { kind: "settled" }, false, true, "default has it"],
    ["has another", { kind: "conflict" }, false, true, "Its processor has this id with another"],
  ])("absent, when the processor %s", (_, looked, claimed, unasked, expected) => {
    const of = { owner: "default", claimed, outlived: false };
    const refusal = refusalOfAbsence(looked, of, unasked);
    if (expected === null) expect(refusal).toBeNull();
    else expect(refusal).toStartWith(expected);
  });

  test("absent, when its processor said that it has one which is never sent again", () => {
    const of = { owner: "default", claimed: true, outlived: true };
    expect(refusalOfAbsence(NOTHING, of, false)).toContain("if they say that it has not, say so");
    expect(refusalOfAbsence(NOTHING, of, true)).toBeNull();
    expect(refusalOfAbsence(UNASKED, of, true)).toBeNull();
  });

  test("absent sends it again, when nothing else would, and its processor said that it has it", () => {
    const claimed = { claimed: true, heldBack: true };
    expect(isSentAgain(facts(claimed))).toBe(true);
    for (const no of [
      { heldBack: false },
      { claimed: false },
      { configured: false },
      { outlived: true },
    ])
      expect(isSentAgain(facts({ ...claimed, ...no }))).toBe(false);
  });

  test("for every state that a payment can end in", () => {
    const sentences = PAYMENT_STATES.map(refusalOfClosed);
    for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/);
    expect(refusalOfClosed("rejected")).toContain("nothing was charged");
    expect(refusalOfClosed("conflict")).toContain("another amount or time");
  });
});
