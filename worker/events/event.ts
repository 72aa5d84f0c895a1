/**
 * The event that a shop is told, or asks for, when a payment has ended. Its body is of the form that the
 * Standard Webhooks specification has. Body and id are made of the journal's facts alone: a worker that was
 * killed and reads the payment again makes the same bytes, and a reader recognises the event by the id.
 */
import { iso } from "../../shared/clock.ts";
import { decimalFromCents } from "../../shared/money.ts";
import { decimalOfFee, feeOf } from "../../shared/tariff.ts";
import { tariffOf, type Known } from "../tariffs.ts";
import type { FinalState } from "../payment.ts";

/** A payment that has ended, as the journal has it. */
export type Ended = {
  readonly correlationId: string;
  readonly state: FinalState;
  readonly amountCents: number;
  /** Number of the processor that settled, rejected or contradicted it. */
  readonly processor: number;
  readonly requestedAtMs: number | null;
  readonly endedAtMs: number;
  /** The name that its shop gave it; null without one. */
  readonly reference: string | null;
  /** Reason of its last attempt, and the processor's code; null of one that is settled, or without a code. */
  readonly reason: string | null;
  readonly code: string | null;
};

export type PaymentEvent = {
  /** The same at every try; a payment ends once, so its id names the event. */
  readonly id: string;
  readonly correlationId: string;
  readonly type: `payment.${FinalState}`;
  readonly endedAtMs: number;
  readonly body: string;
};

export function eventOf(ended: Ended, known: Known): PaymentEvent {
  const { correlationId, state, endedAtMs } = ended;
  const type = `payment.${state}` as const;
  const body = `{"type":"${type}","timestamp":"${iso(endedAtMs)}","data":{${dataOf(ended, known)}}}`;
  return { id: `${state}_${correlationId}`, correlationId, type, endedAtMs, body };
}

/** Writes the fields of the data, without the braces: amounts are exact decimals, which JSON.stringify has none of. */
function dataOf(ended: Ended, { names, eras }: Known): string {
  const { correlationId, state, amountCents, processor, requestedAtMs, endedAtMs } = ended;
  const { reference, reason, code } = ended;
  const fields = [
    `"correlationId":"${correlationId}"`,
    `"amount":${decimalFromCents(amountCents)}`,
    `"processor":${JSON.stringify(names[processor])}`,
  ];
  if (reference !== null) fields.push(`"reference":${JSON.stringify(reference)}`);
  if (requestedAtMs !== null) fields.push(`"requestedAt":"${iso(requestedAtMs)}"`);
  if (state === "settled") fields.push(`"settledAt":"${iso(endedAtMs)}"`);
  if (state === "settled" && requestedAtMs !== null) {
    const tariff = tariffOf(eras, { processor, requestedAtMs });
    if (tariff !== null) {
      fields.push(`"fee":${decimalOfFee(feeOf(tariff.terms, amountCents))}`);
    }
  }
  if (reason !== null) fields.push(`"reason":${JSON.stringify(reason)}`);
  if (code !== null) fields.push(`"code":${JSON.stringify(code)}`);
  return fields.join(",");
}
