/** A tariff as it is shown; `shared/tariff.ts` says what each part means. */
import { ROUNDINGS } from "../tariff.ts";
import { cents, object, oneOf, orNull, whole } from "./schema.ts";

export const tariff = object({
  perMillion: whole,
  fixedCents: cents,
  minCents: cents,
  maxCents: orNull(cents),
  rounding: oneOf(...ROUNDINGS),
});
