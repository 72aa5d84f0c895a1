/**
 * The operator's calls about webhooks: the list comes from the journal, and how they fare from their own
 * thread by way of the pipeline's. Without WEBHOOK_URL there are none, and the calls say so.
 */
import { iso } from "../../shared/clock.ts";
import type {
  WebhookDeliveries,
  WebhooksDecision,
  WebhooksView,
} from "../../shared/http-api/webhooks.ts";
import { problem, unavailable } from "../../shared/problem.ts";
import type { Grounds } from "../intervention.ts";
import type { ListedWebhooks } from "../webhooks/source.ts";
import { parseGrounds } from "./grounds.ts";
import { parseLimit } from "./page-query.ts";
import { json, type Answers, type Call } from "./route.ts";
import { parseInstant } from "./window.ts";
import { TOO_LATE, within } from "./within.ts";

const TIMEOUT_MS = 9_000;
const LIMIT_DEFAULT = 50;

export type WebhooksSource = {
  readonly list: (limit: number) => Promise<ListedWebhooks>;
  readonly view: () => Promise<WebhooksView>;
  /** Resolves with null when it is durable, or with why not. */
  readonly resend: (fromMs: number, grounds: Grounds) => Promise<string | null>;
};

const OFF = "Webhooks are off: WEBHOOK_URL is not set.";

export function webhooksAnswers(source: WebhooksSource | null) {
  return {
    webhooks: ({ query }) => (source === null ? problem(404, OFF) : listed(source, query)),
    resendWebhooks: (call) => (source === null ? problem(404, OFF) : resent(source, call)),
  } satisfies Partial<Answers>;
}

async function listed(source: WebhooksSource, query: URLSearchParams): Promise<Response> {
  const limit = parseLimit(query.get("limit"), LIMIT_DEFAULT);
  if (typeof limit === "string") return problem(400, limit);
  const view = await within(TIMEOUT_MS, source.view());
  if (view === TOO_LATE) return unavailable("The worker does not answer in time.");
  const { retrying, givenUp, deliveries } = await source.list(limit + 1);
  const answer: WebhookDeliveries = {
    webhooks: { ...view, retrying, givenUp },
    deliveries: deliveries.slice(0, limit).map((one) => ({
      id: one.id,
      correlationId: one.correlationId,
      type: one.type,
      endedAt: iso(one.endedAtMs),
      state: one.state,
      tries: one.tries,
      firstTriedAt: iso(one.firstAtMs),
      nextTryAt: one.state === "retrying" ? iso(one.nextAtMs) : null,
      reason: one.reason,
    })),
    more: deliveries.length > limit,
  };
  return json(JSON.stringify(answer));
}

async function resent(source: WebhooksSource, { body }: Call): Promise<Response> {
  const parsed = parseResend(body);
  if (typeof parsed === "string") return problem(400, parsed);
  const { fromMs, grounds } = parsed;
  const refusal = await within(TIMEOUT_MS, source.resend(fromMs, grounds));
  if (refusal === TOO_LATE) {
    return unavailable("The worker does not answer in time; it may still happen.");
  }
  if (refusal !== null) return unavailable(`It was not done: ${refusal}.`);
  const detail = `Whatever ended from ${iso(fromMs)} on is sent again, and then what waits behind it.`;
  const decision: WebhooksDecision = { action: "resend", detail };
  return json(JSON.stringify(decision));
}

/** The instant and the grounds of the body, or the sentence that says what is wrong with it. */
function parseResend(body: string): { fromMs: number; grounds: Grounds } | string {
  const { from, ...said } = objectIn(body);
  if (typeof from !== "string") return "The field from is missing: an instant.";
  const instant = parseInstant("from", from);
  if ("reason" in instant) return `${instant.reason}.`;
  const parsed = parseGrounds(JSON.stringify(said), false);
  return parsed.ok ? { fromMs: instant.atMs, grounds: parsed.grounds } : parsed.reason;
}

function objectIn(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {}; // Not JSON: then a field is missing.
  }
}
