/**
 * The operator's calls, on the worker's own listener only: an API never passes them on. All of them
 * need the admin token, and where none is configured they do not exist.
 */
import type { Schema } from "../../shared/openapi.ts";
import { canonicalCorrelationId } from "../../shared/payment.ts";
import { problem } from "../../shared/problem.ts";
import {
  PAYMENT_ACTIONS,
  PROCESSOR_ACTIONS,
  type OperatorAnswer,
  type OperatorCommand,
  type PaymentAction,
  type ProcessorAction,
} from "../intervention.ts";
import { PAYMENT_STATES, type PaymentState } from "../transitions.ts";
import { isAuthorized } from "./authorization.ts";
import { NEEDS_EVIDENCE, parseGrounds, TAKES_UNASKED } from "./grounds.ts";
import { get, json, type Call, type Route } from "./route.ts";
import { ORDERS, type ListQuery, type Stories } from "./stories.ts";
import { TOO_LATE, within } from "./within.ts";

/** Longer than a processor may take to answer when it is asked, and the journal to write. */
const OPERATE_TIMEOUT_MS = 9_000;
const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;

const OPEN_STATES: readonly string[] = PAYMENT_STATES.filter((state) => state !== "settled");
const listParameter = (name: string, schema: Schema) =>
  ({ name, in: "query", required: false, schema }) as const;
/** What `parseList` takes, for the OpenAPI document. */
export const LIST_PARAMETERS: readonly Schema[] = [
  listParameter("state", { type: "string", enum: OPEN_STATES }),
  listParameter("order", { type: "string", enum: Object.keys(ORDERS) }),
  listParameter("limit", { type: "integer", minimum: 1, maximum: LIMIT_MAX }),
];

export type OperatorSources = {
  readonly stories: Stories;
  /** Resolves when it is durable. */
  readonly operate: (command: OperatorCommand) => Promise<OperatorAnswer>;
};

export function operatorRoutes(token: string | null, sources: OperatorSources): Route[] {
  const guarded = (route: Route): Route => ({
    ...route,
    answer: (call) => refuse(token, call.request) ?? route.answer(call),
  });
  const payments = "/operator/payments";
  const processors = "/operator/processors";
  return [
    get(payments, is(payments), ({ query }) => openPaymentsAnswer(sources.stories, query)),
    get(`${payments}/{id}`, below(payments), ({ path }) => story(sources, path)),
    ...PAYMENT_ACTIONS.map((action) =>
      post(`${payments}/{id}/${action}`, below(payments, action), (call) =>
        decide(sources, action, call),
      ),
    ),
    get(processors, is(processors), () => describeProcessors(sources)),
    ...PROCESSOR_ACTIONS.map((action) =>
      post(`${processors}/{name}/${action}`, below(processors, action), (call) =>
        decideAbout(sources, action, call),
      ),
    ),
  ].map(guarded);
}

function refuse(token: string | null, request: Request): Response | null {
  if (token === null) return problem(404, "Operator calls are off: ADMIN_TOKEN is not set.");
  if (isAuthorized(token, request)) return null;
  const detail = "Operator calls need the header Authorization: Bearer with the admin token.";
  return problem(401, detail, { "www-authenticate": "Bearer" });
}

/** The open payments that a query asks for. */
export function openPaymentsAnswer(stories: Stories, query: URLSearchParams): Response {
  const parsed = parseList(query);
  if (typeof parsed === "string") return problem(400, parsed);
  return json(stories.list(parsed, Date.now()));
}

/** The query, or the sentence that says what is wrong with it. */
function parseList(query: URLSearchParams): ListQuery | string {
  const strange = [...query.keys()].find((name) => !["state", "order", "limit"].includes(name));
  if (strange !== undefined) return `There is no parameter ${JSON.stringify(strange)}.`;
  const repeated = [...query.keys()].find((name) => query.getAll(name).length > 1);
  if (repeated !== undefined) return `${repeated} is given more than once.`;
  const state = query.get("state");
  if (state !== null && !OPEN_STATES.includes(state))
    return `state is one of ${OPEN_STATES.join(", ")}.`;
  const order = query.get("order") ?? "age";
  if (order !== "age" && order !== "amount") {
    return `order is one of ${Object.keys(ORDERS).join(", ")}.`;
  }
  const limit = query.get("limit") ?? String(LIMIT_DEFAULT);
  const sound = /^\d{1,4}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= LIMIT_MAX;
  if (!sound) return `limit is a whole number from 1 to ${LIMIT_MAX}.`;
  return { state: state as PaymentState | null, order, limit: Number(limit) };
}

function story({ stories }: OperatorSources, path: string): Response {
  const correlationId = canonicalCorrelationId(segment(path, 3));
  const found = correlationId === null ? null : stories.story(correlationId, "operator");
  return found === null ? unknownPayment() : json(found);
}

async function decide(sources: OperatorSources, action: PaymentAction, call: Call) {
  const correlationId = canonicalCorrelationId(segment(call.path, 3));
  const said = await call.request.text();
  const parsed = parseGrounds(said, NEEDS_EVIDENCE.has(action), action === TAKES_UNASKED);
  if (!parsed.ok) return problem(400, parsed.reason);
  const found = correlationId === null ? null : sources.stories.find(correlationId);
  if (correlationId === null || found === null) return unknownPayment();
  const { grounds, unasked } = parsed;
  const command = { kind: "payment", action, correlationId, ...found, grounds, unasked } as const;
  return answered(sources, command, ({ state: status, detail }) => {
    return { correlationId, action, status, detail };
  });
}

async function decideAbout(sources: OperatorSources, action: ProcessorAction, call: Call) {
  const parsed = parseGrounds(await call.request.text(), false);
  if (!parsed.ok) return problem(400, parsed.reason);
  const name = segment(call.path, 3);
  const { grounds } = parsed;
  return answered(
    sources,
    { kind: "processor", action, name, grounds },
    ({ state: mode, detail }) => {
      return { processor: name, action, mode, detail };
    },
  );
}

async function answered(
  { operate }: OperatorSources,
  command: OperatorCommand,
  show: (done: Extract<OperatorAnswer, { kind: "done" }>) => object,
): Promise<Response> {
  const answer = await within(OPERATE_TIMEOUT_MS, operate(command));
  if (answer === TOO_LATE) {
    const detail =
      "The worker does not answer in time; it may still happen. Look before repeating.";
    return problem(503, detail, { "retry-after": "1" });
  }
  if (answer.kind === "refused") {
    const { status, reason } = answer;
    return problem(status, reason, status === 503 ? { "retry-after": "1" } : {});
  }
  if (answer.kind !== "done") throw new Error(`a decision was answered with ${answer.kind}`);
  return json(JSON.stringify(show(answer)));
}

/** Those that are configured, and earlier ones that payments still belong to. */
async function describeProcessors({ operate, stories }: OperatorSources): Promise<Response> {
  const answer = await within(OPERATE_TIMEOUT_MS, operate({ kind: "processors" }));
  if (answer === TOO_LATE || answer.kind !== "processors") {
    return problem(503, "The worker does not answer in time.", { "retry-after": "1" });
  }
  const open = stories.openByProcessor();
  const configured = answer.processors.map((processor) => {
    const openPayments = open.get(processor.name) ?? 0;
    open.delete(processor.name);
    const lastIntervention = stories.lastWord(processor.name);
    return Object.assign({ configured: true, openPayments, lastIntervention }, processor);
  });
  const gone = [...open].map(([name, openPayments]) => ({ name, configured: false, openPayments }));
  return json(JSON.stringify({ processors: [...configured, ...gone] }));
}

function unknownPayment(): Response {
  return problem(404, "No payment has this correlationId.");
}

function post(label: string, matches: Route["matches"], handle: Route["answer"]): Route {
  return { label, method: "POST", matches, answer: handle };
}

function is(path: string): Route["matches"] {
  return (other) => other === path;
}

/** One name below `folder`, and below that the action if there is one. */
function below(folder: string, action?: string): Route["matches"] {
  const end = action === undefined ? "" : `/${action}`;
  return (path) =>
    path.startsWith(`${folder}/`) &&
    path.endsWith(end) &&
    /^[^/]+$/.test(path.slice(folder.length + 1, path.length - end.length));
}

function segment(path: string, index: number): string {
  return path.split("/")[index] ?? "";
}
