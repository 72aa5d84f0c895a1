/**
 * The HTTP surface of both processes, one row an operation. The process that answers binds a function to
 * each of its rows by the row's name; an API passes on what the worker owns and is public; both find
 * their rows and describe themselves by this table, and the page's questions and answers have its types.
 */
import { ref } from "./components.ts";
import {
  decisionBody,
  listQuery,
  PAYMENT_ACTIONS,
  JOURNAL_ACTIONS,
  PROCESSOR_ACTIONS,
  resendBody,
  type JournalAction,
  type PaymentAction,
  type ProcessorAction,
} from "./operator.ts";
import { pageQuery } from "./payments.ts";
import { eventQuery } from "./webhooks.ts";
import { json, later, plain, trouble, type Reply, type Row } from "./row.ts";
import { boundOfWindow, events, oneOf, text, type Of } from "./schema.ts";

const OF_API = { owner: "api", public: true } as const;
const PASSED_ON = { owner: "worker", public: true } as const;
const OF_WORKER = { owner: "worker", public: false } as const;
const OF_EACH = { owner: "each", public: true } as const;
const FOR_OPERATORS = { ...OF_WORKER, guard: "operator", reads: "always" } as const;

type Kind = Pick<Row, "owner" | "public" | "guard" | "reads">;
type Rest = Omit<Row, "path" | "method" | keyof Kind> & Partial<Kind>;
/** Allows nothing that a row does not have: a guard that is misspelt would be none. */
type Exact<R> = R & { readonly [Name in Exclude<keyof R, keyof Rest>]: never };

function get<K extends Kind, P extends string, R extends Rest>(kind: K, path: P, rest: Exact<R>) {
  return { ...kind, method: "GET", path, ...rest } as const;
}

function post<K extends Kind, P extends string, R extends Rest>(kind: K, path: P, rest: Exact<R>) {
  return { ...kind, method: "POST", path, ...rest } as const;
}

const words = (description: string) => ({ description, schema: text });
const bound = {
  description: "ISO 8601 with Z or an offset, else in UTC; included",
  schema: boundOfWindow,
};
/** Each end is open when it is left out, or empty. */
const window = { from: bound, to: bound };
const BAD_QUESTION = { 400: trouble("What is wrong with the question") };
/** A text that is no id is 404 like an id that is not known. */
const NO_PAYMENT = { 404: trouble("No payment has this id") };
const TOKEN_ASKED_FOR = {
  ...trouble("The admin token is missing or wrong"),
  headers: { "WWW-Authenticate": { schema: oneOf("Bearer") } },
};
const READ_TOKEN_ASKED_FOR = {
  ...TOKEN_ASKED_FOR,
  ...trouble("The read token is missing or wrong"),
};
const NOT_LET_IN = {
  401: TOKEN_ASKED_FOR,
  404: trouble("There is none, or operator calls are off"),
};
const ORDERED = {
  400: trouble("What is wrong with the body"),
  ...NOT_LET_IN,
  503: later("It may still happen, or the worker is shutting down"),
};
const DECIDED = {
  ...ORDERED,
  409: trouble("It would break a guarantee, with the reason"),
};

/** An answer that is JSON, with all that there is to say, when it is asked for. */
function verbosely<R extends Reply>(reply: R) {
  const every = { "application/json": { schema: ref("Readiness") } };
  return { ...reply, content: { ...reply.content, ...every } };
}

function decisionOnPayment<A extends PaymentAction>(action: A) {
  return post(FOR_OPERATORS, `/operator/payments/{correlationId}/${action}`, {
    summary: `Decides: ${action}`,
    body: decisionBody(action),
    answers: { 200: json("It is on disk", ref("PaymentDecision")), ...DECIDED },
  });
}

function decisionOnProcessor<A extends ProcessorAction>(action: A) {
  return post(FOR_OPERATORS, `/operator/processors/{name}/${action}`, {
    summary: `Decides: ${action}`,
    body: decisionBody(action),
    answers: { 200: json("It is on disk", ref("ProcessorDecision")), ...DECIDED },
  });
}

function decisionOnJournal<A extends JournalAction>(action: A) {
  return post(FOR_OPERATORS, `/operator/journal/${action}`, {
    summary: `Decides: ${action}`,
    body: decisionBody(action),
    answers: { 200: json("It is on disk", ref("JournalDecision")), ...DECIDED },
  });
}

/** A row, or an answer, for each of some actions: `holdPayment`, `drainProcessor`. */
export function byAction<A extends string, T extends string, V>(
  actions: readonly A[],
  thing: T,
  valueOf: (action: A) => V,
) {
  const entries = actions.map((action) => [`${action}${thing}`, valueOf(action)]);
  return Object.fromEntries(entries) as { readonly [K in A as `${K}${T}`]: V };
}

const PRUNED = trouble("Payments of the window were pruned; it says from when on sums are exact");

export const TABLE = {
  pay: post(OF_API, "/payments", {
    anyQuery: true,
    summary: "Takes a payment; the same request may be repeated, and is paid once",
    body: ref("PaymentRequest"),
    answers: {
      202: {
        description: "It is on disk, or was already",
        headers: { Location: { schema: { type: "string", pattern: "^/payments/" } } },
      },
      400: trouble("What is wrong with the body"),
      409: trouble("The id is known with another amount, source or reference"),
      413: trouble("The body has more than 2 KiB"),
      503: later("Not taken, or not known in time"),
    },
  }),
  payments: get(PASSED_ON, "/payments", {
    guard: "read",
    reads: "always",
    summary:
      "Payments, newest requestedAt first; those that wait for a processor before all others",
    query: { ...window, ...pageQuery },
    answers: {
      200: json("A page, and where the next one begins", ref("PaymentPage")),
      400: trouble("A bound, a filter, the limit or the cursor is wrong"),
      401: READ_TOKEN_ASKED_FOR,
      404: trouble("An API without READ_TOKEN lists none"),
    },
  }),
  events: get(PASSED_ON, "/events", {
    guard: "read",
    reads: "always",
    summary: "Payments that have ended, in that order",
    query: eventQuery,
    answers: {
      200: json(
        "A page, and the cursor behind it; or, for Accept: text/event-stream, a stream that goes on, also from Last-Event-ID",
        ref("EventPage"),
        { "text/event-stream": { schema: events } },
      ),
      400: trouble("The limit or the cursor is wrong"),
      401: READ_TOKEN_ASKED_FOR,
      404: trouble("An API without READ_TOKEN tells none"),
      410: trouble("The cursor does not hold any more, and why"),
      503: later("Too many streams, or the worker is shutting down or does not answer"),
    },
  }),
  payment: get(PASSED_ON, "/payments/{correlationId}", {
    reads: "always",
    summary: "What became of a payment",
    answers: { 200: json("Its state, processor and times", ref("Payment")), ...NO_PAYMENT },
  }),
  summary: get(PASSED_ON, "/payments-summary", {
    reads: "at times",
    summary: "Settled payments by processor, of a window of requestedAt",
    query: window,
    answers: {
      200: json("Counts and exact amounts", ref("Summary")),
      400: trouble("A bound is no instant, or from is later than to"),
      409: PRUNED,
    },
  }),
  audit: get(PASSED_ON, "/audit", {
    reads: "always",
    summary: "Whether the processors have recorded what is settled here",
    answers: {
      200: json("Totals of both sides, and what differs", ref("Audit")),
      503: later("Another worker audits, and cannot be asked"),
    },
  }),
  purge: post(PASSED_ON, "/purge-payments", {
    guard: "purge",
    summary: "Forgets the settled history; open payments are kept",
    answers: {
      204: { description: "It is forgotten, on disk too" },
      401: TOKEN_ASKED_FOR,
      404: trouble("Purging is off"),
      503: later("The journal does not answer; it may still happen"),
    },
  }),
  root: get(OF_EACH, "/", {
    summary: "Leads to the page",
    answers: {
      302: {
        description: "The page is at `Location`",
        headers: { Location: { schema: { type: "string", pattern: "^/dashboard$" } } },
      },
    },
  }),
  page: get(PASSED_ON, "/dashboard", {
    below: true,
    summary: "The page",
    answers: { 200: { description: "HTML", content: { "text/html": { schema: text } } } },
  }),
  live: get(PASSED_ON, "/dashboard/live", {
    summary: "Live figures, once a second",
    query: { once: words("one answer as JSON instead of a stream of events") },
    answers: {
      200: json(
        "A stream of `live` events, or one answer with ?once or Accept: application/json",
        ref("Live"),
        { "text/event-stream": { schema: events } },
      ),
      503: later("Too many are watching, or the worker is shutting down or does not answer"),
    },
  }),
  history: get(PASSED_ON, "/dashboard/history", {
    summary: "The last 24 hours, over restarts: a row a minute, incidents, changes of breakers",
    answers: { 200: json("What is kept", ref("History")) },
  }),
  ages: get(PASSED_ON, "/dashboard/open", {
    reads: "always",
    summary: "Open payments by state and age",
    answers: { 200: json("Counts and cents", ref("Ages")) },
  }),
  curve: get(PASSED_ON, "/dashboard/curve", {
    reads: "at times",
    summary: "Settled payments of a window over time",
    query: {
      ...window,
      format: {
        description: "Without it, what Accept says",
        schema: oneOf("json", "csv"),
      },
    },
    answers: {
      200: json("At most 300 buckets of requestedAt", ref("Curve"), {
        "text/csv": { schema: text },
      }),
      400: trouble("A bound is no instant, or the format is none"),
      409: PRUNED,
    },
  }),
  publicStory: get(PASSED_ON, "/dashboard/payments/{correlationId}", {
    reads: "always",
    summary: "The story of a payment, without what operators said",
    answers: { 200: json("Attempts and decisions", ref("PublicStory")), ...NO_PAYMENT },
  }),
  livez: get(OF_EACH, "/livez", {
    anyQuery: true,
    summary: "Whether the process runs",
    answers: { 200: plain("It does") },
  }),
  readyz: get(OF_EACH, "/readyz", {
    summary: "Whether it can do its work",
    query: { verbose: words("every reason, as JSON") },
    answers: {
      200: verbosely(plain("It can")),
      503: verbosely(later("It cannot, with the reason; the same may be asked again")),
    },
  }),
  metrics: get(OF_EACH, "/metrics", {
    anyQuery: true,
    summary: "Prometheus metrics",
    answers: { 200: plain("In the text format of version 0.0.4") },
  }),
  document: get(OF_EACH, "/openapi.json", {
    summary: "This document",
    answers: { 200: json("OpenAPI 3.1", { type: "object" }) },
  }),
  cluster: get(OF_WORKER, "/cluster", {
    summary: "Which worker has which shards of payments; on this listener only",
    answers: {
      200: json("The map, as this worker knows it", ref("ClusterMap")),
      404: trouble("The journal is a file: there is one worker"),
    },
  }),
  openPayments: get(OF_WORKER, "/open-payments", {
    reads: "always",
    summary: "Open payments, by id; on this listener only",
    query: listQuery,
    answers: {
      200: json("Oldest or largest first", ref("OpenPayments")),
      404: trouble("`after` is the id of no payment"),
      ...BAD_QUESTION,
    },
  }),
  operatorList: get(FOR_OPERATORS, "/operator/payments", {
    summary: "Open payments",
    query: listQuery,
    answers: {
      200: json("Oldest or largest first", ref("OpenPayments")),
      ...NOT_LET_IN,
      ...BAD_QUESTION,
    },
  }),
  story: get(FOR_OPERATORS, "/operator/payments/{correlationId}", {
    summary: "Everything that is known of a payment",
    answers: { 200: json("Attempts and decisions", ref("Story")), ...NOT_LET_IN },
  }),
  ...byAction(PAYMENT_ACTIONS, "Payment", decisionOnPayment),
  processors: get(FOR_OPERATORS, "/operator/processors", {
    summary: "Processors and their modes",
    answers: {
      200: json("All", ref("Processors")),
      ...NOT_LET_IN,
      503: later("The worker does not answer in time"),
    },
  }),
  ...byAction(PROCESSOR_ACTIONS, "Processor", decisionOnProcessor),
  ...byAction(JOURNAL_ACTIONS, "Journal", decisionOnJournal),
  webhooks: get(FOR_OPERATORS, "/operator/webhooks", {
    summary: "How webhooks fare, and those that failed",
    query: { limit: listQuery.limit },
    answers: {
      200: json("Those that were given up first", ref("WebhookDeliveries")),
      ...NOT_LET_IN,
      ...BAD_QUESTION,
      503: later("The worker does not answer in time"),
    },
  }),
  resendWebhooks: post(FOR_OPERATORS, "/operator/webhooks/resend", {
    summary: "Sends webhooks again, from an instant on",
    body: resendBody(),
    answers: { 200: json("It is on disk", ref("WebhooksDecision")), ...ORDERED },
  }),
} as const satisfies { readonly [operationId: string]: Row };

type Table = typeof TABLE;
export type OperationId = keyof Table;
/** Operations that belong to one of these owners. */
export type OwnedBy<O extends Row["owner"]> = {
  [Id in OperationId]: Table[Id]["owner"] extends O ? Id : never;
}[OperationId];

export function rowOf(id: OperationId): Row {
  return TABLE[id];
}

export const OPERATION_IDS = Object.keys(TABLE) as readonly OperationId[];

type Content<R> = R extends { readonly content: { "application/json": { schema: infer S } } }
  ? Of<S>
  : never;
/** JSON that is answered at a path when all is well. */
export type JsonAt = { readonly [Id in OperationId as Table[Id]["path"]]: JsonOf<Id> };
type JsonOf<Id extends OperationId> = Table[Id]["answers"] extends { readonly 200: infer R }
  ? Content<R>
  : never;
