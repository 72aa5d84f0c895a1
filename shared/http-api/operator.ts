/** The operator's calls: what may be decided, what has to be said with it, and what is read. */
import { tariff } from "./tariff.ts";
import { storyFields } from "./dashboard.ts";
import { lacking } from "./lacking.ts";
import { breaker, mode } from "./live.ts";
import { PAGE_LIMIT_MAX, STATES, statusFields } from "./payments.ts";
import {
  boolean,
  id,
  instant,
  list,
  number,
  object,
  oneOf,
  orNull,
  text,
  whole,
  type ObjectOf,
  type Of,
  type SchemaOf,
} from "./schema.ts";

export const PAYMENT_ACTIONS = ["ask", "hold", "release", "settle", "absent"] as const;
export type PaymentAction = (typeof PAYMENT_ACTIONS)[number];
export const PROCESSOR_ACTIONS = ["drain", "force", "resume", "moved"] as const;
export const JOURNAL_ACTIONS = ["trust"] as const;
export type JournalAction = (typeof JOURNAL_ACTIONS)[number];
export type ProcessorAction = (typeof PROCESSOR_ACTIONS)[number];

/** Decisions that rest on knowledge from outside, and so need evidence. */
export const NEEDS_EVIDENCE: ReadonlySet<string> = new Set<PaymentAction>(["settle", "absent"]);
/** The decision before which the processor is asked, unless it cannot be and somebody says so. */
export const TAKES_UNASKED: PaymentAction = "absent";
/** Characters that each text of a decision may have. */
export const GROUNDS_LENGTH_MAX = { who: 64, why: 500, evidence: 2_000 } as const;

/** The body of a decision, as `parseGrounds` of the worker takes it: texts with something to read. */
export function decisionBody(action: PaymentAction | ProcessorAction | JournalAction) {
  const evidence = textOf("evidence");
  const unasked = action === TAKES_UNASKED ? { unasked: boolean } : {};
  return NEEDS_EVIDENCE.has(action)
    ? object({ who: textOf("who"), why: textOf("why"), evidence }, unasked)
    : object({ who: textOf("who"), why: textOf("why") }, { evidence: orNull(evidence) });
}

const EXAMPLES = {
  who: "ana",
  why: "the processor is being mended",
  evidence: "the processor's own list of 31 January",
};
/** The body of an order to send webhooks again. */
export function resendBody() {
  const said = { who: textOf("who"), why: textOf("why") };
  return object({ ...said, from: instant }, { evidence: orNull(textOf("evidence")) });
}

/**
 * Something to read, and no control characters but those of lines and tables. Every engine of patterns
 * knows all of it; the last one of the exceptions is white space to some of them only.
 */
const READABLE = ((sound) => `^${sound}*[^\\s\\u0000-\\u001f\\u007f-\\u009f\\ufeff]${sound}*$`)(
  "[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]",
);

function textOf(name: keyof typeof GROUNDS_LENGTH_MAX): SchemaOf<string> {
  return {
    type: "string",
    maxLength: GROUNDS_LENGTH_MAX[name],
    pattern: READABLE,
    examples: [EXAMPLES[name]],
  };
}

export const OPEN_STATES = STATES.filter((name) => name !== "settled");
export const ORDERS = ["age", "amount"] as const;
export const listQuery = {
  state: { schema: oneOf(...OPEN_STATES) },
  order: { schema: oneOf(...ORDERS) },
  limit: { schema: { type: "integer", minimum: 1, maximum: PAGE_LIMIT_MAX } },
  after: {
    description: "The last id of a list that said `more`: the list goes on behind it",
    schema: id,
  },
} as const;

export const openPayments = object({
  payments: list(
    object(
      {
        ...statusFields.required,
        ageSeconds: whole,
        attempts: whole,
        lastReason: orNull(text),
      },
      statusFields.optional,
    ),
  ),
  more: boolean,
});

const said = object({ at: instant, who: text, action: text, why: text }, { evidence: text });
export const story = object(
  { ...statusFields.required, ...storyFields, interventions: list(said) },
  statusFields.optional,
);

export const paymentDecision = object({
  correlationId: id,
  action: text,
  status: text,
  detail: text,
});
export const journalDecision = object({ action: text, detail: text });
export const processorDecision = object({ processor: text, action: text, mode, detail: text });

const view = {
  fee: number,
  tariff,
  mode,
  breaker,
  inFlight: whole,
  limit: whole,
  latencyMs: number,
  url: text,
  /** The address that its payments belong to, while nothing is sent to `url`. */
  movedFrom: orNull(text),
  /** Promises that its kind does without. */
  lacks: list(lacking),
};
/** Processors that are configured have a view; earlier ones have open payments. */
export const processors = object({
  processors: list(
    object(
      { name: text, configured: boolean, openPayments: whole },
      { lastIntervention: orNull(said), ...view },
    ),
  ),
});

/** A configured processor as the router sees it now. */
export type ProcessorView = { readonly name: string } & ObjectOf<typeof view>;
export type Said = Of<typeof said>;
export type Story = Of<typeof story>;
export type Processors = Of<typeof processors>;
export type PaymentDecision = Of<typeof paymentDecision>;
export type JournalDecision = Of<typeof journalDecision>;
export type ProcessorDecision = Of<typeof processorDecision>;
