/** Reads what webhooks are made of: what ended, how far webhooks have come, and those that failed. */
import type { Cursor } from "../event-position.ts";
import type { Endings } from "../events/endings.ts";
import type { FailedWebhook } from "../transitions.ts";

/** State of webhooks in the journal; null where there were none yet. */
export type WebhooksState = {
  readonly cursor: Cursor;
  /** Fingerprint of the address that they went to. */
  readonly target: string;
  readonly endedAtMs: number | null;
};

export type ListedWebhooks = {
  readonly retrying: number;
  readonly givenUp: number;
  /** Webhooks that failed: given up before those that are tried again, the oldest first. */
  readonly deliveries: readonly Omit<FailedWebhook, "body">[];
};

export interface WebhookSource extends Endings {
  state(): Promise<WebhooksState | null>;
  /** Webhooks that are to be tried again, of which there is a bounded number. */
  retrying(): Promise<FailedWebhook[]>;
  list(limit: number): Promise<ListedWebhooks>;
}
