/** Writes a payment's status as JSON, as the journal has the payment. */
import { iso } from "../../shared/clock.ts";
import { decimalFromCents } from "../../shared/money.ts";
import { decimalOfFee, feeOf } from "../../shared/tariff.ts";
import type { PaymentFound, PaymentRecord } from "../journal-reader.ts";
import { tariffOf, type Era, type Known } from "../tariffs.ts";

export function statusJson(found: PaymentFound, known: Known): string {
  const { reason, code } = found;
  let fields = statusFields(found, known);
  if (reason !== null) fields += `,"reason":${JSON.stringify(reason)}`;
  if (code !== null) fields += `,"code":${JSON.stringify(code)}`;
  return `{${fields}}`;
}

/** Writes the fields of a status, without the braces around them; as one text, since a page has hundreds. */
export function statusFields(payment: PaymentRecord, { names, eras }: Known): string {
  const { correlationId, amountCents, state, processor, requestedAtMs, settledAtMs } = payment;
  let fields = `"correlationId":"${correlationId}","amount":${decimalFromCents(amountCents)},"status":"${state}"`;
  if (payment.reference !== null) fields += `,"reference":${JSON.stringify(payment.reference)}`;
  if (processor !== null) fields += `,"processor":${JSON.stringify(names[processor])}`;
  if (requestedAtMs !== null) fields += `,"requestedAt":"${iso(requestedAtMs)}"`;
  fields += `,"acceptedAt":"${iso(payment.acceptedAtMs)}"`;
  if (settledAtMs !== null) fields += `,"settledAt":"${iso(settledAtMs)}"`;
  if (state === "settled" && settledAtMs === null) fields += ',"pruned":true';
  return fields + feeFields(payment, eras);
}

/** The fee of a settled payment whose tariff is known, in the currency's units. */
function feeFields(
  { state, processor, requestedAtMs, amountCents }: PaymentRecord,
  eras: readonly Era[],
): string {
  if (state !== "settled" || processor === null || requestedAtMs === null) return "";
  const tariff = tariffOf(eras, { processor, requestedAtMs });
  if (tariff === null) return "";
  const fee = decimalOfFee(feeOf(tariff.terms, amountCents));
  return `,"fee":${fee},"tariff":${tariff.number}`;
}
