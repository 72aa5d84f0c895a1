/** What the worker's own listener answers, an operator's calls among it. */
import {
  json,
  later,
  openApiDocument,
  problemReply,
  ref,
  type Operation,
  type Reply,
  type Schema,
} from "../../shared/openapi.ts";
import { OWN_OPERATIONS, WORKER_OPERATIONS } from "../../shared/openapi/operations.ts";
import { CORRELATION_ID } from "../../shared/openapi/parameters.ts";
import { OPERATOR_SCHEMAS } from "../../shared/openapi/schemas.ts";
import { PAYMENT_ACTIONS, PROCESSOR_ACTIONS } from "../intervention.ts";
import { groundsSchema, NEEDS_EVIDENCE, TAKES_UNASKED } from "./grounds.ts";
import { LIST_PARAMETERS } from "./operator.ts";

const PAYMENTS = "/operator/payments";
const PROCESSORS = "/operator/processors";
const NAME = { name: "name", in: "path", required: true, schema: { type: "string" } } as const;

function guarded(
  method: "get" | "post",
  [path, summary, ...parameters]: readonly [string, string, ...Schema[]],
  reply: Reply,
  more: Readonly<Record<string, Reply>> = {},
): Operation {
  return {
    path,
    method,
    summary,
    guarded: "always",
    ...(parameters.length === 0 ? {} : { parameters }),
    replies: {
      200: reply,
      401: problemReply("The admin token is missing or wrong"),
      404: problemReply("There is none, or operator calls are off"),
      ...more,
    },
  };
}

const BAD = { 400: problemReply("What is wrong with the question") };
const REFUSED = {
  400: problemReply("What is wrong with the body"),
  409: problemReply("It would break a guarantee, with the reason"),
  503: later("It may still happen, or the worker is shutting down"),
};

function decision(
  [path, action, parameter]: readonly [string, string, Schema],
  answer: string,
  body: object,
): Operation {
  const reply = json("It is on disk", ref(answer));
  const operation = guarded("post", [path, `Decides: ${action}`, parameter], reply, REFUSED);
  return { ...operation, body: body as Schema };
}

const OPERATOR: readonly Operation[] = [
  guarded(
    "get",
    [PAYMENTS, "Open payments", ...LIST_PARAMETERS],
    json("Oldest or largest first", ref("OpenPayments")),
    BAD,
  ),
  guarded(
    "get",
    [`${PAYMENTS}/{correlationId}`, "Everything that is known of a payment", CORRELATION_ID],
    json("Attempts and decisions", ref("Story")),
  ),
  ...PAYMENT_ACTIONS.map((action) => {
    const about = [`${PAYMENTS}/{correlationId}/${action}`, action, CORRELATION_ID] as const;
    const grounds = groundsSchema(NEEDS_EVIDENCE.has(action), action === TAKES_UNASKED);
    return decision(about, "PaymentDecision", grounds);
  }),
  guarded("get", [PROCESSORS, "Processors and their modes"], json("All", ref("Processors")), {
    503: later("The worker does not answer in time"),
  }),
  ...PROCESSOR_ACTIONS.map((action) => {
    const about = [`${PROCESSORS}/{name}/${action}`, action, NAME] as const;
    return decision(about, "ProcessorDecision", groundsSchema(false));
  }),
];

const OPEN: Operation = {
  path: "/open-payments",
  method: "get",
  summary: "Open payments, by id; on this listener only",
  parameters: LIST_PARAMETERS,
  replies: { 200: json("Oldest or largest first", ref("OpenPayments")), ...BAD },
};

const operations = [...WORKER_OPERATIONS, ...OWN_OPERATIONS, OPEN, ...OPERATOR];
export const WORKER_DOCUMENT: string = JSON.stringify(
  openApiDocument("Papa-Léguas: worker", operations, OPERATOR_SCHEMAS as Record<string, Schema>),
);
