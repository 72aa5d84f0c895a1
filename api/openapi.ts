/** What an API answers: payments, what the worker answers through it, and how it is. */
import {
  empty,
  later,
  openApiDocument,
  problemReply,
  type Operation,
  type Schema,
} from "../shared/openapi.ts";
import { OWN_OPERATIONS, WORKER_OPERATIONS } from "../shared/openapi/operations.ts";
import { paymentRequest } from "../shared/openapi/schemas.ts";

const PAY: Operation = {
  path: "/payments",
  method: "post",
  summary: "Takes a payment; the same request may be repeated, and is paid once",
  body: { $ref: "#/components/schemas/PaymentRequest" },
  replies: {
    202: {
      ...empty("It is on disk, or was already"),
      headers: { Location: { schema: { type: "string", pattern: "^/payments/" } } },
    },
    400: problemReply("What is wrong with the body"),
    409: problemReply("The id is known with another amount"),
    413: problemReply("The body has more than 1 KiB"),
    503: later("Not taken, or not known in time"),
  },
};

export function apiDocument(amountMax: number): string {
  const schemas = { PaymentRequest: paymentRequest(amountMax) as Schema };
  const operations = [PAY, ...WORKER_OPERATIONS.map(passedOn), ...OWN_OPERATIONS];
  return JSON.stringify(openApiDocument("Papa-Léguas: API", operations, schemas));
}

/** What passing on adds to the worker's own answers. */
function passedOn(operation: Operation): Operation {
  const { 400: bad, 503: unavailable } = operation.replies;
  const replies = {
    ...operation.replies,
    400: bad ?? problemReply("The address is not in its normal form"),
    ...(operation.method === "post" ? { 413: problemReply("The body is too large") } : {}),
    503: unavailable ?? later("The worker does not answer"),
  };
  return { ...operation, replies };
}
