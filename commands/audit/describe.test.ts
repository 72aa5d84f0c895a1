import { expect, test } from "bun:test";
import { shareOf } from "../../shared/tariff.ts";
import type { ProcessorAudit } from "../../shared/http-api/audit.ts";
import { describe } from "./describe.ts";

const drift = (theirCents: number): ProcessorAudit => ({
  name: "default",
  state: "drift",
  from: null,
  to: "2026-01-31T09:30:00.000Z",
  ours: { count: 3, cents: 3_000 },
  theirs: { count: 3, cents: theirCents },
  equalUpTo: null,
  differing: [],
  differingMore: 0,
  windows: [],
  pending: 0,
  checkedAt: null,
  error: null,
});

test("fees are told by tariff, to the cent and to the last digit", () => {
  const fees = [
    { tariff: 1, terms: shareOf(0.05), count: 2, cents: 1_990, paid: "0.995" },
    { tariff: 3, terms: shareOf(0.1), count: 1, cents: 1_000, paid: "1.00" },
  ];
  const text = describe({ processors: [{ ...drift(3_000), state: "equal", fees }] });
  expect(text).toContain("  fees   1.00 (0.995) under tariff 1, 5 %\n");
  expect(text).toContain("  fees   1.00 under tariff 3, 10 %\n");
});

test.each([
  [3_400, "3 payments of 34.00, 4.00 more\n"],
  [2_600, "3 payments of 26.00, 4.00 less\n"],
])("what a processor has is said as more or as less: %p", (cents, line) => {
  expect(describe({ processors: [drift(cents)] })).toContain(line);
});
