/** How the gateway stands, in words: the sentence on top of the page, of `worker top` and of `worker doctor`. */
import { list, object, oneOf, text, type Of } from "./schema.ts";

const fact = object({
  /** Name that stays, whatever the words become; that of the incident, where it is one. */
  code: oneOf(
    "journal-fails",
    "damaged",
    "not-ready",
    "link-secret",
    "journal-restored",
    "audit-drift",
    "audit-gap",
    "no-processor",
    "processor-moved",
    "cannot-ask",
    "unknown-long",
    "backlog-high",
    "breaker-open",
    "audit-failed",
    "processor-unreachable",
    "webhooks-ended",
    "webhooks-fail",
    "webhooks-given-up",
    "clock-stepped",
  ),
  kind: oneOf("warn", "bad"),
  text,
  /** A few words, for the title of a tab. */
  brief: text,
});

export const standing = object({
  kind: oneOf("good", "warn", "bad"),
  /** Sentences, the worst first. */
  text,
  /** Empty while all is well. */
  brief: text,
  /** All that is wrong, the worst first. */
  facts: list(fact),
});

export type Fact = Of<typeof fact>;
export type Standing = Of<typeof standing>;
