/** Reads what was typed as the call that it stands for. */
import {
  NEEDS_EVIDENCE,
  PAYMENT_ACTIONS,
  PROCESSOR_ACTIONS,
} from "../../shared/http-api/operator.ts";

const USAGE = `usage: worker operator COMMAND [options]

  list                 open payments: --state S, --order age|amount (age), --limit N (50)
  show ID              everything that is known of a payment
  ask ID               asks its processor now
  hold ID              sends nothing more for it until it is released
  release ID           ends a hold
  settle ID            counts it as charged by its processor; needs --evidence
  absent ID            its processor has not charged it and never will; needs --evidence. It is asked
                       once more before; drain it first, or the payment may go there again
  processors           processors and what was decided about them
  drain NAME           no new payment goes there; unknown ones are still resolved
  force NAME           it is used whatever its breaker says
  resume NAME          it is used as its breaker says
  moved NAME           it is the same processor at another address: payments go there again
  webhooks             how webhooks fare, and those that failed: --limit N (50)
  webhooks resend      sends again all that has ended since --from INSTANT
  trust-journal        a journal restored from a copy: payments are charged without being asked for

  --who NAME           who decides (default: who is logged in)
  --why TEXT           why; needed by everything but list, show, processors and webhooks
  --evidence TEXT      what it rests on: a processor's statement, a ticket
  --from INSTANT       with webhooks resend: as 2026-01-31T06:30:00-03:00, or with Z
  --unasked            with absent: the processor cannot be asked or believed; its people say so
  --json               what the worker answered, as it is
  --help, --version

The worker is at WORKER_HTTP, or at HTTP_HOST and HTTP_PORT as it was started; ADMIN_TOKEN is its own.
`;

const TRUST = "trust-journal";
const WEBHOOKS = "webhooks";
/** Reason of those who give none: there is nothing to be justified when a shop is told twice. */
const NO_REASON = "no reason given";
const COMMANDS = [
  "list",
  "show",
  ...PAYMENT_ACTIONS,
  "processors",
  ...PROCESSOR_ACTIONS,
  TRUST,
  WEBHOOKS,
] as const;
const DECISION = ["who", "why", "evidence"] as const;
const OPTIONS = {
  state: { type: "string" },
  order: { type: "string" },
  limit: { type: "string" },
  who: { type: "string" },
  why: { type: "string" },
  evidence: { type: "string" },
  from: { type: "string" },
  unasked: { type: "boolean" },
  json: { type: "boolean" },
} as const;
type Option = Exclude<keyof typeof OPTIONS, "json">;
type Text = Exclude<Option, "unasked">;
type Decision = { readonly [name in (typeof DECISION)[number]]: string | undefined };
type Options = { readonly [name in Text]?: string } & { readonly unasked?: boolean };

export const OPERATOR_LINE = {
  usage: USAGE,
  options: OPTIONS,
  commands: COMMANDS,
  wordsMax: 2,
};

export type Shows = "list" | "story" | "processors" | "webhooks" | "decision";

export type Call = {
  readonly method: "GET" | "POST";
  readonly target: string;
  readonly body: string | null;
  readonly shows: Shows;
};

/** Throws with one line when the words and options make no sense together. `login` is who types. */
export function readCall(
  [name, subject]: readonly string[],
  values: Options,
  login: string | null,
): Call {
  const get = (target: string, shows: Shows): Call => {
    return { method: "GET", target, shows, body: null };
  };
  const about = (what: string) => {
    if (subject === undefined) throw new Error(`${name} needs one ${what}`);
    return encodeURIComponent(subject);
  };
  const isPaymentAction = PAYMENT_ACTIONS.some((action) => action === name);
  if (isPaymentAction || PROCESSOR_ACTIONS.some((action) => action === name)) {
    const [folder, what] = isPaymentAction ? ["payments", "ID"] : ["processors", "NAME"];
    const target = `/operator/${folder}/${about(what)}/${name}`;
    const mayBeUnasked = name === "absent" ? (["unasked"] as const) : [];
    allowOnly(values, [...DECISION, ...mayBeUnasked], name);
    const body = decisionBody(name as string, { who: login ?? undefined, ...values });
    return { method: "POST", target, shows: "decision", body };
  }
  if (name === "show") {
    allowOnly(values, [], name);
    return get(`/operator/payments/${about("ID")}`, "story");
  }
  if (name === WEBHOOKS && subject === "resend") {
    allowOnly(values, [...DECISION, "from"], "webhooks resend");
    if (isMissing(values.from)) throw new Error("webhooks resend needs --from INSTANT");
    const grounds = { who: login ?? undefined, ...values, why: values.why ?? NO_REASON };
    const body = JSON.stringify({
      ...JSON.parse(decisionBody("webhooks resend", grounds)),
      from: values.from,
    });
    return { method: "POST", target: "/operator/webhooks/resend", shows: "decision", body };
  }
  if (subject !== undefined) throw new Error(`${name} takes no ${JSON.stringify(subject)}`);
  if (name === TRUST) {
    allowOnly(values, DECISION, name);
    const body = decisionBody(name, { who: login ?? undefined, ...values });
    return { method: "POST", target: "/operator/journal/trust", shows: "decision", body };
  }
  if (name === WEBHOOKS) {
    allowOnly(values, ["limit"], name);
    return get(`/operator/webhooks${queryOf(values)}`, "webhooks");
  }
  allowOnly(values, name === "list" ? ["state", "order", "limit"] : [], name);
  if (name === "list") return get(`/operator/payments${queryOf(values)}`, "list");
  return get("/operator/processors", "processors");
}

function allowOnly(values: Options, allowed: readonly Option[], name = ""): void {
  const given = ["state", "order", "limit", ...DECISION, "from", "unasked"] as const;
  const strange = given.find((option) => values[option] !== undefined && !allowed.includes(option));
  if (strange !== undefined) throw new Error(`${name} takes no --${strange}`);
}

/** The body of a decision, with what the worker needs to be told. */
function decisionBody(
  name: string,
  { who, why, evidence, unasked }: Partial<Decision> & { readonly unasked?: boolean },
): string {
  if (isMissing(why)) throw new Error(`${name} needs --why TEXT`);
  if (NEEDS_EVIDENCE.has(name) && isMissing(evidence)) {
    throw new Error(`${name} needs --evidence TEXT`);
  }
  if (isMissing(who)) {
    throw new Error(`${name} needs --who NAME, since nobody knows who is logged in here`);
  }
  return JSON.stringify({ who, why, evidence, unasked });
}

function isMissing(text: string | undefined): boolean {
  return text === undefined || text.trim() === "";
}

function queryOf({ state, order, limit }: Options): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ state, order, limit })) {
    if (value !== undefined) query.set(name, value);
  }
  return query.size === 0 ? "" : `?${query}`;
}
