/**
 * The operator's calls, on the worker's own listener only: an API never passes them on. All of them
 * need the admin token, and where none is configured they do not exist.
 */
import {
  listQuery,
  NEEDS_EVIDENCE,
  OPEN_STATES,
  ORDERS,
  PAYMENT_ACTIONS,
  JOURNAL_ACTIONS,
  PROCESSOR_ACTIONS,
  TAKES_UNASKED,
  type JournalAction,
  type JournalDecision,
  type PaymentAction,
  type PaymentDecision,
  type ProcessorAction,
  type ProcessorDecision,
  type Processors,
  type Said,
} from "../../shared/http-api/operator.ts";
import { byAction } from "../../shared/http-api/table.ts";
import { canonicalCorrelationId } from "../../shared/payment.ts";
import { problem, unavailable } from "../../shared/problem.ts";
import type { OperatorAnswer, OperatorCommand } from "../intervention.ts";
import type { JournalReader, ListQuery } from "../journal-reader.ts";
import { parseGrounds } from "./grounds.ts";
import { parseLimit, repetition } from "./page-query.ts";
import { json, type Answer, type Answers, type Call } from "./route.ts";
import type { Stories } from "./stories.ts";
import { webhooksAnswers, type WebhooksSource } from "./webhooks.ts";
import { TOO_LATE, within } from "./within.ts";

/** Longer than a processor may take to answer when it is asked, and the journal to write. */
const OPERATE_TIMEOUT_MS = 9_000;
const LIMIT_DEFAULT = 50;

export type OperatorSources = {
  readonly journal: Pick<JournalReader, "payment">;
  readonly stories: Pick<Stories, keyof Stories>;
  /** Resolves when it is durable. */
  readonly operate: (command: OperatorCommand) => Promise<OperatorAnswer>;
  /** Null when they are off. */
  readonly webhooks: WebhooksSource | null;
};

export function operatorAnswers(sources: OperatorSources) {
  return {
    operatorList: ({ query }) => openPaymentsAnswer(sources.stories, query),
    story: ({ open }) => story(sources, open),
    processors: () => describeProcessors(sources),
    ...byAction(PAYMENT_ACTIONS, "Payment", (action): Answer => {
      return (call) => decide(sources, action, call);
    }),
    ...byAction(PROCESSOR_ACTIONS, "Processor", (action): Answer => {
      return (call) => decideAbout(sources, action, call);
    }),
    ...byAction(JOURNAL_ACTIONS, "Journal", (action): Answer => {
      return (call) => decideOnJournal(sources, action, call);
    }),
    ...webhooksAnswers(sources.webhooks),
  } satisfies Partial<Answers>;
}

export async function openPaymentsAnswer(
  stories: Pick<Stories, "list">,
  query: URLSearchParams,
): Promise<Response> {
  const parsed = parseList(query);
  if (typeof parsed === "string") return problem(400, parsed);
  const list = await stories.list(parsed, Date.now());
  return list === null ? problem(404, "after is the id of no payment.") : json(list);
}

/** The query, or the sentence that says what is wrong with it. */
function parseList(query: URLSearchParams): ListQuery | string {
  const strange = [...query.keys()].find((name) => !Object.hasOwn(listQuery, name));
  if (strange !== undefined) return `There is no parameter ${JSON.stringify(strange)}.`;
  const repeated = repetition(query);
  if (repeated !== null) return repeated;
  const state = query.get("state");
  const known = OPEN_STATES.find((name) => name === state);
  if (state !== null && known === undefined) return `state is one of ${OPEN_STATES.join(", ")}.`;
  const wanted = query.get("order") ?? "age";
  const order = ORDERS.find((name) => name === wanted);
  if (order === undefined) return `order is one of ${ORDERS.join(", ")}.`;
  const limit = parseLimit(query.get("limit"), LIMIT_DEFAULT);
  if (typeof limit === "string") return limit;
  const behind = query.get("after");
  const after = behind === null ? null : canonicalCorrelationId(behind);
  if (behind !== null && after === null) return "after is the id of a payment.";
  return { state: known ?? null, order, limit, after };
}

async function story({ stories }: OperatorSources, id: string): Promise<Response> {
  const correlationId = canonicalCorrelationId(id);
  const found = correlationId === null ? null : await stories.story(correlationId, "operator");
  return found === null ? unknownPayment() : json(found);
}

async function decide(sources: OperatorSources, action: PaymentAction, call: Call) {
  const correlationId = canonicalCorrelationId(call.open);
  const parsed = parseGrounds(call.body, NEEDS_EVIDENCE.has(action), action === TAKES_UNASKED);
  if (!parsed.ok) return problem(400, parsed.reason);
  const found = correlationId === null ? null : await sources.journal.payment(correlationId);
  if (correlationId === null || found === null) return unknownPayment();
  const { grounds, unasked } = parsed;
  const { seq, state } = found;
  const payment = { correlationId, seq, state };
  const command = { kind: "payment", action, ...payment, grounds, unasked } as const;
  return answered(sources, command, ({ state: status, detail }): PaymentDecision => {
    return { correlationId, action, status, detail };
  });
}

async function decideAbout(sources: OperatorSources, action: ProcessorAction, call: Call) {
  const parsed = parseGrounds(call.body, false);
  if (!parsed.ok) return problem(400, parsed.reason);
  const { open: name } = call;
  const command = { kind: "processor", action, name, grounds: parsed.grounds } as const;
  return answered(sources, command, ({ state, detail }): ProcessorDecision => {
    return { processor: name, action, mode: state as ProcessorDecision["mode"], detail };
  });
}

async function decideOnJournal(sources: OperatorSources, action: JournalAction, call: Call) {
  const parsed = parseGrounds(call.body, false);
  if (!parsed.ok) return problem(400, parsed.reason);
  const command = { kind: "journal", action, grounds: parsed.grounds } as const;
  return answered(sources, command, ({ detail }): JournalDecision => ({ action, detail }));
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
    return unavailable(detail);
  }
  if (answer.kind === "refused") {
    const { status, reason } = answer;
    return status === 503 ? unavailable(reason) : problem(status, reason);
  }
  if (answer.kind !== "done") throw new Error(`a decision was answered with ${answer.kind}`);
  return json(JSON.stringify(show(answer)));
}

/** Lists processors that are configured, and earlier ones that payments still belong to. */
async function describeProcessors({ operate, stories }: OperatorSources): Promise<Response> {
  const answer = await within(OPERATE_TIMEOUT_MS, operate({ kind: "processors" }));
  if (answer === TOO_LATE || answer.kind !== "processors") {
    return unavailable("The worker does not answer in time.");
  }
  const open = await stories.openByProcessor();
  const lastWords = await Promise.all(answer.processors.map(({ name }) => stories.lastWord(name)));
  const configured = answer.processors.map((processor, i) => {
    const openPayments = open.get(processor.name) ?? 0;
    open.delete(processor.name);
    const lastIntervention = lastWords[i] as Said | null;
    return Object.assign({ configured: true, openPayments, lastIntervention }, processor);
  });
  const gone = [...open].map(([name, openPayments]) => ({ name, configured: false, openPayments }));
  const all: Processors = { processors: [...configured, ...gone] };
  return json(JSON.stringify(all));
}

function unknownPayment(): Response {
  return problem(404, "No payment has this correlationId.");
}
