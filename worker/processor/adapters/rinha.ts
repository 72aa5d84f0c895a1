/**
 * The contract of the contest's processors (docs/CONTRACT.md, "What a processor has to do"), and the kind of
 * a processor that names none. It keeps all six promises: an id is recorded once, for ever, and 422 says so.
 *
 * What each answer proves is the table in docs/PROTOCOL.md, "What a call can tell". Both are tuned: this is
 * the path that every payment of the contest takes.
 */
import { iso } from "../../../shared/clock.ts";
import { centsFromDecimal, decimalFromCents } from "../../../shared/money.ts";
import type { Charge } from "../charge.ts";
import { readInstant } from "../instant.ts";
import { Decimal, isId, readAmount, readFields, saysRecorded } from "../words.ts";
import type {
  Adapter,
  Charged,
  HealthReading,
  HttpAnswer,
  LookOutcome,
  NotFound,
  Totals,
} from "./adapter.ts";

/** A little over the processor's window of 5 s, so that a late timer never meets the same one twice. */
const HEALTH_EVERY_MS = 5_050;

export const rinha: Adapter = {
  charge: (payment) => ({ path: "/payments", body: chargeBody(payment) }),
  classifyCharge: classify,
  lookup: {
    call: ({ correlationId }) => ({ path: `/payments/${correlationId}` }),
    classify: (answer, { correlationId }) => classifyLook(answer, correlationId),
  },
  health: {
    call: { path: "/payments/service-health" },
    read: readHealth,
    everyMs: HEALTH_EVERY_MS,
  },
  totals: {
    call: ({ fromMs, toMs }) => ({
      path: `/admin/payments-summary?from=${iso(fromMs)}&to=${iso(toMs)}`,
    }),
    read: readTotals,
  },
  remembersForMs: Number.POSITIVE_INFINITY,
};

export function chargeBody({ correlationId, amountCents, requestedAtMs }: Charge): string {
  const requestedAt = iso(requestedAtMs);
  const amount = decimalFromCents(amountCents);
  return `{"correlationId":"${correlationId}","amount":${amount},"requestedAt":"${requestedAt}"}`;
}

export function classify({ status, body, complete }: HttpAnswer, charge: Charge): Charged {
  switch (status) {
    case 200:
      return complete && saysRecorded(body, charge)
        ? { kind: "accepted" }
        : { kind: "unknown", reason: "200 that does not say clearly that it is recorded" };
    case 422:
      return { kind: "exists" };
    case 429:
      return { kind: "refused", reason: "429: too many calls", overloaded: true };
    case 500:
      return body === "" && complete
        ? { kind: "refused", reason: "500 without a body: it is failing", overloaded: false }
        : { kind: "unknown", reason: "500 with a body, or cut short" };
    case 400:
    case 415:
      return { kind: "rejected", reason: `${status}: ${body?.slice(0, 200) ?? "no text"}` };
    default:
      return { kind: "unknown", reason: `status ${status}` };
  }
}

export function classifyLook(answer: HttpAnswer, correlationId: string): LookOutcome {
  const { status } = answer;
  if (status !== 200) return { kind: kindOfLook(status), reason: `status ${status}` };
  const record = answer.complete ? readFields(answer.body) : null;
  const requestedAtMs = readInstant(record?.["requestedAt"]);
  const amount = readAmount(record?.["amount"]);
  const isIt = isId(record?.["correlationId"], correlationId);
  if (!isIt || requestedAtMs === null || amount === null) {
    return { kind: "unclear", reason: "200 with a payment that cannot be read" };
  }
  return { kind: "found", amountCents: amount.cents, requestedAtMs };
}

function kindOfLook(status: number): NotFound {
  if (status === 404) return "nothing";
  return status >= 500 || status === 429 ? "unasked" : "unclear";
}

function readHealth({ status, body, complete }: HttpAnswer): HealthReading | null {
  if (status !== 200 || !complete) return null;
  const record = readFields(body);
  const failing = record?.["failing"];
  const delay = record?.["minResponseTime"];
  if (typeof failing !== "boolean" || !(delay instanceof Decimal)) return null;
  const minResponseTimeMs = Number(delay.text);
  const possible = Number.isFinite(minResponseTimeMs) && minResponseTimeMs >= 0;
  return possible ? { failing, minResponseTimeMs } : null;
}

/** Refuses a count of 0 beside an amount: no payments sum to nothing. */
function readTotals({ body }: HttpAnswer): Totals | null {
  const { totalRequests, totalAmount } = readFields(body) ?? {};
  if (!(totalRequests instanceof Decimal && totalAmount instanceof Decimal)) return null;
  const count = Number(totalRequests.text);
  const cents = centsFromDecimal(totalAmount.text);
  if (!Number.isSafeInteger(count) || count < 0 || cents === null || cents < 0) return null;
  return count > 0 || cents === 0 ? { count, cents } : null;
}
