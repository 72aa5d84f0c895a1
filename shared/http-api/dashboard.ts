/** Answers that the page reads beside live figures; anybody else may read them, too. */
import { money } from "./money.ts";
import { state, statusFields } from "./payments.ts";
import { boolean, cents, instant, list, object, orNull, text, whole, type Of } from "./schema.ts";

/** Open payments by state and age; `fromSeconds` begins a band that goes up to the next band's. */
export const ages = object({
  states: list(object({ state, fromSeconds: whole, count: whole, cents, oldest: instant })),
  /** False when there are so many that only the oldest were looked at. */
  complete: boolean,
});

/** Settled payments of a window over time. */
export const curve = object({
  from: orNull(instant),
  to: orNull(instant),
  bucketMs: whole,
  processors: list(text),
  buckets: list(
    object({
      /** Instant of its start; it ends before the next one starts. */
      at: instant,
      /** Payments by processor; so are cents. */
      counts: list(whole),
      cents: list(cents),
    }),
  ),
  /** Fees of the window; null when nothing of it is settled. */
  money: orNull(money),
});

export const storyFields = {
  attempts: list(object({ at: instant, processor: text, outcome: text, reason: text })),
  /** Attempts between the first ones and the last ones. */
  attemptsLeftOut: whole,
};

/** The story of a payment, without who decided and why. */
export const publicStory = object(
  {
    ...statusFields.required,
    ...storyFields,
    interventions: list(object({ at: instant, action: text })),
  },
  statusFields.optional,
);

export type Ages = Of<typeof ages>;
export type Curve = Of<typeof curve>;
export type PublicStory = Of<typeof publicStory>;
