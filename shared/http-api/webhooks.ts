/** The operator's view of webhooks: how they fare, and those that failed. */
import {
  boolean,
  id,
  instant,
  list,
  object,
  oneOf,
  orNull,
  text,
  whole,
  type Of,
} from "./schema.ts";

/** How webhooks fare, since the worker's start where it counts. */
export const webhooks = object({
  delivered: whole,
  /** Tries that were refused, or got no answer. */
  failedTries: whole,
  /** Events that are tried again. */
  retrying: whole,
  /** Events that were refused for three days, and are only listed any more. */
  givenUp: whole,
  /** Age of the oldest event that is known to be undelivered; null when there is none. */
  oldestSeconds: orNull(whole),
  /** The receiver takes none at the moment. */
  down: boolean,
  /** Reason why the last try failed, until one is taken; or null. */
  lastReason: orNull(text),
  /** The receiver answered 410 then, and is sent nothing more; or null. */
  endedAt: orNull(instant),
});

const delivery = object({
  id: text,
  correlationId: id,
  type: oneOf("payment.settled", "payment.rejected", "payment.conflict"),
  endedAt: instant,
  state: oneOf("retrying", "given up"),
  tries: whole,
  firstTriedAt: instant,
  /** Null of one that was given up. */
  nextTryAt: orNull(instant),
  reason: text,
});

export const webhookDeliveries = object({ webhooks, deliveries: list(delivery), more: boolean });
export const webhooksDecision = object({ action: text, detail: text });

export type WebhooksView = Of<typeof webhooks>;
export type WebhookDeliveries = Of<typeof webhookDeliveries>;
export type WebhooksDecision = Of<typeof webhooksDecision>;
