/** Makes tariffs as they may be configured, near each other so that some cost the same. */
import fc from "fast-check";
import { ROUNDINGS, type Tariff } from "./tariff.ts";

export const anyTariff: fc.Arbitrary<Tariff> = fc.record({
  perMillion: fc.oneof(
    fc.integer({ min: 0, max: 30 }).map((percent) => percent * 10_000),
    fc.integer({ min: 0, max: 1_000_000 }),
  ),
  fixedCents: fc.constantFrom(0, 0, 1, 30, 39),
  minCents: fc.constantFrom(0, 0, 39, 500),
  maxCents: fc.constantFrom(null, null, 500, 1_000),
  rounding: fc.constantFrom(...ROUNDINGS),
});

export const anyAmountCents = fc.oneof(
  fc.integer({ min: 1, max: 10_000 }),
  fc.integer({ min: 1, max: 100_000_000_000 }),
);
