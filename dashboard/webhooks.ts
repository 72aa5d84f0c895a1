/** Shows how webhooks fare, where they are on: how many, what failed, and how long the oldest has waited. */
import type { LiveSnapshot } from "../shared/http-api/live.ts";
import type { WebhooksView } from "../shared/http-api/webhooks.ts";
import { byId, setAttribute, setText } from "./dom.ts";
import { day, grouped, span } from "./format.ts";

const FIGURES: Readonly<Record<string, (view: WebhooksView) => string>> = {
  delivered: ({ delivered }) => grouped(delivered),
  failed: ({ failedTries }) => grouped(failedTries),
  retrying: ({ retrying }) => grouped(retrying),
  "given-up": ({ givenUp }) => grouped(givenUp),
  oldest: ({ oldestSeconds }) => (oldestSeconds === null ? "none" : span(oldestSeconds)),
};

export class Webhooks {
  update({ webhooks }: LiveSnapshot): void {
    for (const id of ["webhooks", "webhooks-link"]) {
      setAttribute(byId(id), "hidden", webhooks === undefined ? "" : null);
    }
    if (webhooks === undefined) return;
    for (const [name, valueOf] of Object.entries(FIGURES)) {
      setText(byId(`webhooks-${name}`), valueOf(webhooks));
    }
    setText(byId("webhooks-receiver"), receiverOf(webhooks));
  }
}

function receiverOf({ endedAt, down, lastReason }: WebhooksView): string {
  if (endedAt !== null)
    return `The shop has answered 410 at ${day(endedAt)}, and is sent nothing more.`;
  if (down) return `The shop takes none: ${lastReason}.`;
  return lastReason === null ? "The shop takes them." : `The last try failed: ${lastReason}.`;
}
