/** Describes what an API answers: payments, what the worker answers through it, and its own health. */
import { COMPONENTS } from "../shared/http-api/components.ts";
import { openApiDocument } from "../shared/http-api/document.ts";
import { paymentRequest } from "../shared/http-api/payments.ts";
import { later, trouble, type Row } from "../shared/http-api/row.ts";
import { OPERATION_IDS, rowOf } from "../shared/http-api/table.ts";

export function apiDocument(amountMax: number): string {
  const rows = OPERATION_IDS.filter((id) => rowOf(id).public).map(
    (id) => [id, asAnswered(rowOf(id))] as const,
  );
  const components = { ...COMPONENTS, PaymentRequest: paymentRequest(amountMax) };
  return JSON.stringify(openApiDocument("Papa-Léguas: API", rows, components));
}

/** Adds to the worker's own answers those that passing on can give. */
function asAnswered(row: Row): Row {
  if (row.owner !== "worker") return row;
  const answers = {
    400: trouble("The address is not in its normal form"),
    ...(row.method === "POST" ? { 413: trouble("The body is too large") } : {}),
    503: later("The worker does not answer"),
    ...row.answers,
  };
  return { ...row, answers };
}
