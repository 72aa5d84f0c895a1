/** Signs events by the Standard Webhooks specification; loaded only where webhooks are on. */
import { Webhook } from "standardwebhooks";
import type { Secrets } from "../../shared/settings.ts";
import type { PaymentEvent } from "../events/event.ts";

/** Makes the headers of a try. While a secret is rotated both sign, and a receiver may know either. */
export function signerOf(secrets: Secrets) {
  const signers = secrets.map((secret) => new Webhook(secret));
  return ({ id, body }: Pick<PaymentEvent, "id" | "body">, nowMs: number) => {
    const at = new Date(nowMs);
    return {
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(nowMs / 1_000)),
      "webhook-signature": signers.map((signer) => signer.sign(id, at, body)).join(" "),
    };
  };
}
