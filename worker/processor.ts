/**
 * A payment processor over HTTP, and the only place that knows its status codes. Whatever happens, a
 * call ends in one of a few outcomes, and never throws.
 *
 * The rule that everything rests on (PROTOCOL.md, "What a call can tell"): only an answer on a short,
 * explicit list says that nothing was recorded. Everything that is not listed is `unknown`: the
 * processor may have recorded the payment, or may still be about to.
 */
import { decimalFromCents } from "../shared/money.ts";
import type { Charge } from "./processor/charge.ts";
import { exchangeTo, type Exchange, type ExchangeError } from "./processor/exchange.ts";
import { readInstant } from "./processor/instant.ts";
import {
  Decimal,
  isId,
  readAmount,
  readFields,
  readRetryAfterMs,
  saysRecorded,
} from "./processor/words.ts";

export type { Charge } from "./processor/charge.ts";
export type { Exchange } from "./processor/exchange.ts";

/** `connected`: a connection was made for the call. */
export type ChargeOutcome = Charged & { readonly connected?: true };

type Charged =
  /** Recorded. */
  | { readonly kind: "accepted" }
  /** Some attempt is recorded there; `look` tells whether it is ours. */
  | { readonly kind: "exists" }
  /**
   * Certainly not recorded by this attempt. `overloaded`: a limiter said so, not a fault, and perhaps
   * for how long it wants to be left alone. `ownFault`: this process could not make the call, which
   * says nothing about the processor.
   */
  | {
      readonly kind: "refused";
      readonly reason: string;
      readonly overloaded: boolean;
      readonly retryAfterMs?: number;
      readonly ownFault?: true;
    }
  /** Not recorded by this attempt: the processor says that it does not take such a payment. */
  | { readonly kind: "rejected"; readonly reason: string }
  /** `silent`: no answer came in time, which may also mean that it has too much to do. */
  | { readonly kind: "unknown"; readonly reason: string; readonly silent?: true };

export type LookOutcome =
  | { readonly kind: "found"; readonly amountCents: number | null; readonly requestedAtMs: number }
  /**
   * `nothing`: it was asked and has no such payment; absence now proves nothing about a moment later.
   * `unasked`: it cannot be reached, fails, or has no time. `unclear`: anything else, such as a record
   * that cannot be read, or a call that this process could not make: it may well have the payment.
   */
  | { readonly kind: NotFound; readonly reason: string };
export type NotFound = "nothing" | "unasked" | "unclear";

/** `null` is no news: neither failing nor fine. */
export type HealthReading = {
  readonly failing: boolean;
  readonly minResponseTimeMs: number;
} | null;

export interface Processor {
  charge(charge: Charge): Promise<ChargeOutcome>;
  look(correlationId: string): Promise<LookOutcome>;
  health(): Promise<HealthAnswer>;
}

export type HealthAnswer = {
  readonly reading: HealthReading;
  readonly retryAfterMs: number;
  /** The reason why the call could not be made, if it could not and that is not ours. */
  readonly unreachable?: string;
};

/** Longer than the five seconds that a processor may keep a health call waiting. */
const HEALTH_TIMEOUT_MS = 7_000;
const LOOK_TIMEOUT_MS = 5_000;
/** Nobody may silence the probes for longer. */
const RETRY_AFTER_MS_MAX = 60_000;
/**
 * Nor the payments: twice what the contest's processors ask for, and less than the patience of a
 * payment, so that a mistaken header sends none to a dearer processor for longer than it lasts.
 */
const REST_MS_MAX = 10_000;

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
    const body = chargeBody(charge);
    const url = `${this.#url}/payments`;
    // Only what the exchange throws is an outcome: anything else is a fault of ours, and ends the process.
    const answer = await this.#exchange({ url, body, timeoutMs: this.#timeoutMs }).catch(failureOf);
    if (answer instanceof Error) return classifyError(answer);
    const outcome = classify(answer, charge);
    return answer.connected === true ? { ...outcome, connected: true } : outcome;
  }

  async look(correlationId: string): Promise<LookOutcome> {
    const url = `${this.#url}/payments/${correlationId}`;
    const answer = await this.#exchange({ url, timeoutMs: LOOK_TIMEOUT_MS }).catch(failureOf);
    if (!(answer instanceof Error)) return classifyLook(answer, correlationId);
    return { kind: kindOfFailedLook(answer), reason: answer.message };
  }

  async health(): Promise<HealthAnswer> {
    const url = `${this.#url}/payments/service-health`;
    const answer = await this.#exchange({ url, timeoutMs: HEALTH_TIMEOUT_MS }).catch(failureOf);
    if (answer instanceof Error)
      return { reading: null, retryAfterMs: 0, ...unreachableOf(answer) };
    const retryAfterMs = readRetryAfterMs(answer.retryAfter, RETRY_AFTER_MS_MAX);
    return { reading: readHealth(answer), retryAfterMs };
  }
}

function failureOf(error: ExchangeError): ExchangeError {
  return error;
}

export function chargeBody({ correlationId, amountCents, requestedAtMs }: Charge): string {
  const requestedAt = new Date(requestedAtMs).toISOString();
  const amount = decimalFromCents(amountCents);
  return `{"correlationId":"${correlationId}","amount":${amount},"requestedAt":"${requestedAt}"}`;
}

type Answer = Awaited<ReturnType<Exchange>>;

/** The table in PROTOCOL.md, "What a call can tell". */
export function classify(answer: Answer, charge: Charge): ChargeOutcome {
  const { status, body, complete, retryAfter } = answer;
  switch (status) {
    case 200:
      return complete && saysRecorded(body, charge)
        ? { kind: "accepted" }
        : { kind: "unknown", reason: "200 that does not say clearly that it is recorded" };
    case 422:
      return { kind: "exists" };
    case 429: {
      const retryAfterMs = readRetryAfterMs(retryAfter, REST_MS_MAX);
      return { kind: "refused", reason: "429: too many calls", overloaded: true, retryAfterMs };
    }
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

export function classifyError(error: ExchangeError): ChargeOutcome {
  if (error.neverLeft) {
    const ownFault = error.ownFault ? { ownFault: true as const } : {};
    return { kind: "refused", reason: String(error.code), overloaded: false, ...ownFault };
  }
  if (error.name === "TimeoutError") {
    return { kind: "unknown", reason: "no answer in time", silent: true };
  }
  return { kind: "unknown", reason: String(error.code ?? error.name) };
}

export function classifyLook(answer: Answer, correlationId: string): LookOutcome {
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

/** An answer that broke off may have been about to say yes. */
function kindOfFailedLook({ name, neverLeft, ownFault }: ExchangeError): NotFound {
  return name === "TimeoutError" || (neverLeft && !ownFault) ? "unasked" : "unclear";
}

/** A call that is late says nothing: a processor may keep it waiting, above all when somebody else asks too. */
function unreachableOf({ name, code, neverLeft, ownFault }: ExchangeError) {
  return neverLeft && !ownFault ? { unreachable: String(code ?? name) } : {};
}

function readHealth({ status, body, complete }: Answer): HealthReading {
  if (status !== 200 || !complete) return null;
  const record = readFields(body);
  const failing = record?.["failing"];
  const delay = record?.["minResponseTime"];
  if (typeof failing !== "boolean" || !(delay instanceof Decimal)) return null;
  const minResponseTimeMs = Number(delay.text);
  const possible = Number.isFinite(minResponseTimeMs) && minResponseTimeMs >= 0;
  return possible ? { failing, minResponseTimeMs } : null;
}
