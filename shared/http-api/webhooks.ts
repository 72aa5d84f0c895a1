/** Events of payments that ended, and the operator's view of webhooks: how they fare, and those that failed. */
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
  type SchemaOf,
} from "./schema.ts";
import { amount, PAGE_LIMIT_MAX, reference } from "./payments.ts";

const type = oneOf("payment.settled", "payment.rejected", "payment.conflict");

/** An event as it is asked for: the body of a webhook, with the id that its header has. */
const event = object({
  id: text,
  type,
  timestamp: instant,
  data: object(
    { correlationId: id, amount, processor: text },
    {
      reference,
      requestedAt: instant,
      settledAt: instant,
      fee: { type: "number", minimum: 0 } as SchemaOf<number>,
      reason: text,
      /** The processor's own code of a rejection, where it has one. */
      code: text,
    },
  ),
});
/** `next` is the cursor behind the last event; a page without events has what it was asked for. */
export const eventPage = object({ events: list(event), next: text });
export const eventQuery = {
  after: {
    description: "`next` of the page before; without it, from the beginning that is kept",
    schema: text,
  },
  limit: { schema: { type: "integer", minimum: 1, maximum: PAGE_LIMIT_MAX } },
} as const;

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
  type,
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
