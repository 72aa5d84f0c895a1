/**
 * The cost of settled payments. Sums are exact, as texts in the currency's units with two decimals or
 * as many more as there are; whoever shows them rounds them to the cent.
 */
import { cents, list, object, text, whole, type Of } from "./schema.ts";
import { tariff } from "./tariff.ts";

export const money = object({
  /** The amounts that fees are known for. */
  total: text,
  paid: text,
  /** Fees at the dearest processor for each payment, of those configured at its time, less `paid`. */
  avoided: text,
  /** `paid`, less fees at the cheapest for each. */
  left: text,
  /** Sums by processor and tariff, also of one under which nothing was settled. */
  each: list(object({ name: text, tariff: whole, terms: tariff, count: whole, cents, paid: text })),
});
export type Money = Of<typeof money>;
