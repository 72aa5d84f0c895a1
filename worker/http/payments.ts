/** Writes a payment's status as JSON, as the journal has the payment. */
import { iso } from "../../shared/clock.ts";
import { decimalFromCents } from "../../shared/money.ts";
import { decimalOfFee, feeOf } from "../../shared/tariff.ts";
import type { PaymentFound, PaymentRecord } from "../journal-reader.ts";
import { tariffOf, type Era } from "../tariffs.ts";

/** Meaning of the journal's numbers: processors by number, and what each charged at which time. */
export type Known = { readonly names: readonly string[]; readonly eras: readonly Era[] };

export function statusJson(found: PaymentFound, known: Known): string {
  const { reason, code } = found;
  const fields = [statusFields(found, known)];
  if (reason !== null) fields.push(`"reason":${JSON.stringify(reason)}`);
  if (code !== null) fields.push(`"code":${JSON.stringify(code)}`);
  return `{${fields.join(",")}}`;
}

/** Writes the fields of a status, without the braces around them. */
export function statusFields(payment: PaymentRecord, { names, eras }: Known): string {
  const { correlationId, amountCents, state, processor, requestedAtMs, settledAtMs } = payment;
  const fields = [
    `"correlationId":"${correlationId}"`,
    `"amount":${decimalFromCents(amountCents)}`,
    `"status":"${state}"`,
  ];
  if (payment.reference !== null) fields.push(`"reference":${JSON.stringify(payment.reference)}`);
  if (processor !== null) fields.push(`"processor":${JSON.stringify(names[processor])}`);
  if (requestedAtMs !== null) fields.push(`"requestedAt":"${iso(requestedAtMs)}"`);
  fields.push(`"acceptedAt":"${iso(payment.acceptedAtMs)}"`);
  if (settledAtMs !== null) fields.push(`"settledAt":"${iso(settledAtMs)}"`);
  if (state === "settled" && settledAtMs === null) fields.push('"pruned":true');
  fields.push(...feeFields(payment, eras));
  return fields.join(",");
}

/** The fee of a settled payment whose tariff is known, in the currency's units. */
function feeFields(
  { state, processor, requestedAtMs, amountCents }: PaymentRecord,
  eras: readonly Era[],
): string[] {
  if (state !== "settled" || processor === null || requestedAtMs === null) return [];
  const tariff = tariffOf(eras, { processor, requestedAtMs });
  if (tariff === null) return [];
  const fee = decimalOfFee(feeOf(tariff.terms, amountCents));
  return [`"fee":${fee}`, `"tariff":${tariff.number}`];
}
