/**
 * Terms of a fee as a person writes them, and as the journal keeps them: `{"percent": "2.9", "fixed":
 * "0.30"}`. What they cost is `shared/tariff.ts`'s business. Beside them are the pieces that the rest of
 * PROCESSORS_FILE is described with.
 */
import * as v from "valibot";
import { meant } from "../shared/arguments.ts";
import { AMOUNT_CENTS_MAX } from "../shared/limits.ts";
import { centsFromDecimal, decimalFromCents } from "../shared/money.ts";
import { percentOf, ROUNDINGS, type Tariff } from "../shared/tariff.ts";

export type Issue = v.BaseIssue<unknown>;
type Message = (issue: Issue) => string;

const shown = ({ input }: Issue) => JSON.stringify(input);
export const missingOr =
  (message: Message): Message =>
  (issue) =>
    issue.input === undefined ? "is missing" : message(issue);

/** An object that has these keys and no others; the sentence on a stranger asks what was meant. */
export function strict<T extends v.ObjectEntries>(entries: T, what: string) {
  return v.strictObject(entries, (issue: Issue) => {
    if (issue.expected !== "never") return missingOr(() => `is not ${what}`)(issue);
    const key = String(issue.path?.at(-1)?.key);
    return `there is no such key${meant(key, Object.keys(entries))}`;
  });
}

export const quoted = (what: string) =>
  v.string(missingOr((issue) => `${shown(issue)} is not ${what}, as a text in quotes`));
export const matching = (form: RegExp, what: string) =>
  v.pipe(
    quoted(what),
    v.regex(form, (issue) => `${shown(issue)} is not ${what}`),
  );

const PERCENT = "a percentage with at most four decimals";
const percent = v.pipe(
  matching(/^\d{1,15}(\.\d{1,4})?$/, PERCENT),
  v.check(
    (value) => Number(value) <= 100,
    (issue) => `${shown(issue)} is above 100`,
  ),
);
const MONEY = "an amount with at most two decimals";
const money = v.pipe(
  matching(/^\d{1,15}(\.\d{1,2})?$/, MONEY),
  v.check(
    (value) => centsOf(value) <= AMOUNT_CENTS_MAX,
    (issue) => `${shown(issue)} is above ${decimalFromCents(AMOUNT_CENTS_MAX)}`,
  ),
);

function centsOf(value: string): number {
  return centsFromDecimal(value) ?? Number.POSITIVE_INFINITY;
}

export const fee = v.pipe(
  strict(
    {
      percent: v.optional(percent),
      fixed: v.optional(money),
      min: v.optional(money),
      max: v.optional(money),
      rounding: v.optional(
        v.picklist(ROUNDINGS, (issue) => `${shown(issue)} is not one of ${ROUNDINGS.join(", ")}`),
      ),
    },
    'a fee, as {"percent": "2.9", "fixed": "0.30"}',
  ),
  v.check(
    (given) => given.percent !== undefined || given.fixed !== undefined,
    "has neither percent nor fixed",
  ),
  v.forward(
    v.check(
      ({ min, max }) => min === undefined || max === undefined || centsOf(max) >= centsOf(min),
      "is below min",
    ),
    ["max"],
  ),
);

type Terms = v.InferOutput<typeof fee>;

export function tariffOf(terms: Terms): Tariff {
  const { percent: given = "0", fixed = "0", min = "0", max, rounding = "none" } = terms;
  const [whole = "", decimals = ""] = given.split(".");
  return {
    perMillion: Number(whole + decimals.padEnd(4, "0")),
    fixedCents: centsOf(fixed),
    minCents: centsOf(min),
    maxCents: max === undefined ? null : centsOf(max),
    rounding,
  };
}

/** Writes a tariff as the journal keeps it. */
export function termsOf(tariff: Tariff): string {
  const { fixedCents, minCents, maxCents, rounding } = tariff;
  const terms: Terms = { percent: percentOf(tariff) };
  if (fixedCents > 0) terms.fixed = decimalFromCents(fixedCents);
  if (minCents > 0) terms.min = decimalFromCents(minCents);
  if (maxCents !== null) terms.max = decimalFromCents(maxCents);
  if (rounding !== "none") terms.rounding = rounding;
  return JSON.stringify(terms);
}

/** Reads what `termsOf` has written. Throws on anything else: then the file is not what was written. */
export function readTerms(text: string): Tariff {
  return tariffOf(v.parse(fee, JSON.parse(text)));
}
