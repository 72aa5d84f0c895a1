/**
 * A payment processor over HTTP, and the only place that knows its status codes. Whatever happens, a
 * call ends in one of a few outcomes, and never throws.
 *
 * The rule that everything rests on (PROTOCOL.md, "What a call can tell"): only an answer on a short,
 * explicit list says that nothing was recorded. Everything that is not listed is `unknown`: the
 * processor may have recorded the payment, or may still be about to.
 */
import type { Payment } from "../shared/payment.ts";
import { decimalFromCents, centsFromAmount } from "../shared/money.ts";
import { exchangeTo, type Exchange, type ExchangeError } from "./processor/exchange.ts";

export type { Exchange } from "./processor/exchange.ts";

/** What a processor is told: the same bytes in every attempt while a payment is assigned to it. */
export type Charge = Payment & { readonly requestedAtMs: number };

export type ChargeOutcome =
  /** Recorded. */
  | { readonly kind: "accepted" }
  /** Some attempt is recorded there; `look` tells whether it is ours. */
  | { readonly kind: "exists" }
  /** Certainly not recorded by this attempt. `overloaded`: a limiter said so, not a fault. */
  | { readonly kind: "refused"; readonly reason: string; readonly overloaded: boolean }
  /** Certainly not recorded, and will never be: the processor does not take such a payment. */
  | { readonly kind: "rejected"; readonly reason: string }
  /** `silent`: no answer came in time, which may also mean that it has too much to do. */
  | { readonly kind: "unknown"; readonly reason: string; readonly silent?: true };

export type LookOutcome =
  | { readonly kind: "found"; readonly amountCents: number | null; readonly requestedAtMs: number }
  /** Absence now proves nothing about a moment later. */
  | { readonly kind: "no-information"; readonly reason: string };

/** `null` is no news: neither failing nor fine. */
export type HealthReading = {
  readonly failing: boolean;
  readonly minResponseTimeMs: number;
} | null;

export interface Processor {
  charge(charge: Charge): Promise<ChargeOutcome>;
  look(correlationId: string): Promise<LookOutcome>;
  health(): Promise<{ readonly reading: HealthReading; readonly retryAfterMs: number }>;
}

/** Longer than the five seconds that a processor may keep a health call waiting. */
const HEALTH_TIMEOUT_MS = 7_000;
const LOOK_TIMEOUT_MS = 5_000;
/** Nobody may silence the probes for longer. */
const RETRY_AFTER_MS_MAX = 60_000;

/** No byte of the request has left: connection refused, name not found, TLS handshake failed. */
const NEVER_LEFT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

export class HttpProcessor implements Processor {
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #exchange: Exchange;

  constructor(url: string, timeoutMs: number, exchange: Exchange = exchangeTo(url)) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#exchange = exchange;
  }

  async charge(charge: Charge): Promise<ChargeOutcome> {
    try {
      const body = chargeBody(charge);
      const url = `${this.#url}/payments`;
      const answer = await this.#exchange({ url, body, timeoutMs: this.#timeoutMs });
      return classify(answer.status, answer.body, answer.complete);
    } catch (error) {
      return classifyError(error as ExchangeError);
    }
  }

  async look(correlationId: string): Promise<LookOutcome> {
    try {
      const url = `${this.#url}/payments/${correlationId}`;
      const { status, body } = await this.#exchange({ url, timeoutMs: LOOK_TIMEOUT_MS });
      return classifyLook(status, body, correlationId);
    } catch (error) {
      return { kind: "no-information", reason: (error as Error).message };
    }
  }

  async health() {
    try {
      const url = `${this.#url}/payments/service-health`;
      const answer = await this.#exchange({ url, timeoutMs: HEALTH_TIMEOUT_MS });
      const retryAfterMs = Math.min(RETRY_AFTER_MS_MAX, Number(answer.retryAfter) * 1_000 || 0);
      return { reading: answer.status === 200 ? readHealth(answer.body) : null, retryAfterMs };
    } catch {
      return { reading: null, retryAfterMs: 0 };
    }
  }
}

export function chargeBody({ correlationId, amountCents, requestedAtMs }: Charge): string {
  const requestedAt = new Date(requestedAtMs).toISOString();
  const amount = decimalFromCents(amountCents);
  return `{"correlationId":"${correlationId}","amount":${amount},"requestedAt":"${requestedAt}"}`;
}

/** The table of PROTOCOL.md. `complete`: the answer's end was announced, so that it is not cut short. */
export function classify(status: number, body: string, complete: boolean): ChargeOutcome {
  switch (status) {
    case 200:
      return isJsonObject(body)
        ? { kind: "accepted" }
        : { kind: "unknown", reason: "200 with an answer that is not JSON" };
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
      return { kind: "rejected", reason: `${status}: ${body.slice(0, 200)}` };
    default:
      return { kind: "unknown", reason: `status ${status}` };
  }
}

export function classifyError(error: ExchangeError): ChargeOutcome {
  if (typeof error.code === "string" && (error.neverLeft || NEVER_LEFT.has(error.code))) {
    return { kind: "refused", reason: error.code, overloaded: false };
  }
  if (error.name === "TimeoutError") {
    return { kind: "unknown", reason: "no answer in time", silent: true };
  }
  return { kind: "unknown", reason: String(error.code ?? error.name) };
}

export function classifyLook(status: number, body: string, correlationId: string): LookOutcome {
  if (status !== 200) return { kind: "no-information", reason: `status ${status}` };
  const record = parseObject(body);
  const requestedAtMs = Date.parse(String(record?.["requestedAt"]));
  const sameId = String(record?.["correlationId"]).toLowerCase() === correlationId;
  if (record === null || !sameId || Number.isNaN(requestedAtMs)) {
    return { kind: "no-information", reason: "200 with an answer that cannot be read" };
  }
  const amount = record["amount"];
  if (typeof amount !== "number")
    return { kind: "no-information", reason: "200 without an amount" };
  return { kind: "found", amountCents: centsFromAmount(amount), requestedAtMs };
}

function readHealth(body: string): HealthReading {
  const record = parseObject(body);
  const failing = record?.["failing"];
  const minResponseTimeMs = record?.["minResponseTime"];
  if (typeof failing !== "boolean" || typeof minResponseTimeMs !== "number") return null;
  const possible = Number.isFinite(minResponseTimeMs) && minResponseTimeMs >= 0;
  return possible ? { failing, minResponseTimeMs } : null;
}

function isJsonObject(body: string): boolean {
  return parseObject(body) !== null;
}

function parseObject(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // Not JSON: the caller says what that means for it.
  }
}
