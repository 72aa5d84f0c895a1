/** Reads what was typed as the call that it stands for. */
import { parseArgs } from "node:util";
import { PAYMENT_ACTIONS, PROCESSOR_ACTIONS } from "../../shared/http-api/operator.ts";

export const USAGE = `usage: worker operator COMMAND [options]

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

  --who TEXT           who decides (default: who is logged in, by USER)
  --why TEXT           why; needed by everything but list, show and processors
  --evidence TEXT      what it rests on: a processor's statement, a ticket
  --unasked            with absent: the processor cannot be asked, and is gone for good
  --json               what the worker answered, as it is

The worker is at WORKER_HTTP, or at HTTP_HOST and HTTP_PORT as it was started; ADMIN_TOKEN is its own.
`;

export type Shows = "list" | "story" | "processors" | "decision";

export type Command =
  | { readonly kind: "help" }
  | {
      readonly kind: "call";
      readonly method: "GET" | "POST";
      readonly target: string;
      readonly body: string | null;
      readonly shows: Shows;
      readonly json: boolean;
    };

const OPTIONS = {
  state: { type: "string" },
  order: { type: "string" },
  limit: { type: "string" },
  who: { type: "string" },
  why: { type: "string" },
  evidence: { type: "string" },
  unasked: { type: "boolean" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;
type Options = {
  readonly [name in "state" | "order" | "limit" | "who" | "why" | "evidence"]?: string;
} & { readonly unasked?: boolean };

/** Throws with one line when the arguments make no sense. */
export function readCommand(
  args: readonly string[],
  env: Record<string, string | undefined>,
): Command {
  const { values, positionals } = parse(args);
  const [name, subject, ...rest] = positionals;
  if (values.help || name === undefined) return { kind: "help" };
  const call = (method: "GET" | "POST", target: string, shows: Shows, body: string | null = null) =>
    ({ kind: "call", method, target, body, shows, json: values.json }) as const;
  const about = (what: string) => {
    if (subject === undefined || rest.length > 0) throw new Error(`${name} needs one ${what}`);
    return encodeURIComponent(subject);
  };
  const isPaymentAction = PAYMENT_ACTIONS.some((action) => action === name);
  if (isPaymentAction || PROCESSOR_ACTIONS.some((action) => action === name)) {
    const [folder, what] = isPaymentAction ? ["payments", "ID"] : ["processors", "NAME"];
    const target = `/operator/${folder}/${about(what)}/${name}`;
    const mayBeUnasked = name === "absent" ? (["unasked"] as const) : [];
    allowOnly(values, ["who", "why", "evidence", ...mayBeUnasked], name);
    return call("POST", target, "decision", decisionBody(values, env));
  }
  if (name === "show") {
    allowOnly(values, [], name);
    return call("GET", `/operator/payments/${about("ID")}`, "story");
  }
  if (subject !== undefined) throw new Error(`${name} takes no ${JSON.stringify(subject)}`);
  if (name === "list") {
    allowOnly(values, ["state", "order", "limit"], name);
    return call("GET", `/operator/payments${queryOf(values)}`, "list");
  }
  allowOnly(values, [], name);
  if (name === "processors") return call("GET", "/operator/processors", "processors");
  throw new Error(`there is no command ${JSON.stringify(name)}; see worker operator --help`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new Error((error as Error).message.split("\n")[0] as string, { cause: error });
  }
}

function allowOnly(values: Options, allowed: readonly (keyof Options)[], name: string): void {
  const given = ["state", "order", "limit", "who", "why", "evidence", "unasked"] as const;
  const strange = given.find((option) => values[option] !== undefined && !allowed.includes(option));
  if (strange !== undefined) throw new Error(`${name} takes no --${strange}`);
}

/** The body of a decision. The worker says what is missing from it. */
function decisionBody(values: Options, env: Record<string, string | undefined>): string {
  const { who = env["USER"], why, evidence, unasked } = values;
  return JSON.stringify({ who, why, evidence, unasked });
}

function queryOf({ state, order, limit }: Options): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ state, order, limit })) {
    if (value !== undefined) query.set(name, value);
  }
  return query.size === 0 ? "" : `?${query}`;
}
