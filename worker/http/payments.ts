/** Writes a payment's status as JSON, as the journal has the payment. */
import { iso } from "../../shared/clock.ts";
import { decimalFromCents } from "../../shared/money.ts";
import type { PaymentFound, PaymentRecord } from "../journal-reader.ts";

export function statusJson(found: PaymentFound, names: readonly string[]): string {
  const why = found.reason === null ? "" : `,"reason":${JSON.stringify(found.reason)}`;
  return `{${statusFields(found, names)}${why}}`;
}

/** Writes the fields of a status, without the braces around them. */
export function statusFields(payment: PaymentRecord, names: readonly string[]): string {
  const { correlationId, amountCents, state, processor, requestedAtMs, settledAtMs } = payment;
  const fields = [
    `"correlationId":"${correlationId}"`,
    `"amount":${decimalFromCents(amountCents)}`,
    `"status":"${state}"`,
  ];
  if (processor !== null) fields.push(`"processor":${JSON.stringify(names[processor])}`);
  if (requestedAtMs !== null) fields.push(`"requestedAt":"${iso(requestedAtMs)}"`);
  fields.push(`"acceptedAt":"${iso(payment.acceptedAtMs)}"`);
  if (settledAtMs !== null) fields.push(`"settledAt":"${iso(settledAtMs)}"`);
  if (state === "settled" && settledAtMs === null) fields.push('"pruned":true');
  return fields.join(",");
}
