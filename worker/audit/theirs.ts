/**
 * The processor's own books, over HTTP: its administrative summary, and single payments by id. An
 * answer that is not clear is thrown as `NoAnswer`, so that nobody concludes anything from it.
 * The token goes into its header and nowhere else.
 */
import { iso } from "../../shared/clock.ts";
import { centsFromDecimal } from "../../shared/money.ts";
import { exchangeTo, type Exchange, type ExchangeError } from "../processor/exchange.ts";
import { readInstant } from "../processor/instant.ts";
import { Decimal, isId, readAmount, readFields, readRetryAfterMs } from "../processor/words.ts";
import type { Sum } from "../../shared/http-api/audit.ts";
import type { SummaryWindow } from "../summary.ts";

/** A `lasting` one will not be mended by asking again later; somebody has to look. */
export class NoAnswer extends Error {
  readonly lasting: boolean;
  readonly retryAfterMs: number;

  constructor(reason: string, lasting: boolean, retryAfterMs = 0) {
    super(reason);
    this.lasting = lasting;
    this.retryAfterMs = retryAfterMs;
  }
}

export type Found = { readonly cents: number; readonly requestedAtMs: number };

export interface Theirs {
  /** Sums the payments recorded there with `requestedAt` in the window, both ends included. */
  totals(window: SummaryWindow): Promise<Sum>;
  /** The payment as it is recorded there, or null when it is not. */
  find(correlationId: string): Promise<Found | null>;
}

/** The lowest instant that the contract's processors know; a missing field becomes it there. */
export const BEGIN_MS = Date.parse("0001-01-01T00:00:00Z");
const TIMEOUT_MS = 5_000;
const RETRY_AFTER_MS_MAX = 60_000;
/** A call that is refused like this will be refused again. */
const REFUSED_FOR_GOOD = new Set([400, 401, 403, 405]);

export class HttpBooks implements Theirs {
  readonly #url: string;
  #token: string;
  readonly #exchange: Exchange;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#exchange = exchangeTo(url);
    this.#token = token;
  }

  /** Calls from now on have another token. */
  renew(token: string): void {
    this.#token = token;
  }

  async totals({ fromMs, toMs }: SummaryWindow): Promise<Sum> {
    const query = `from=${iso(fromMs)}&to=${iso(toMs)}`;
    const path = "/admin/payments-summary";
    const { status, body } = await this.#get(`${path}?${query}`, { "X-Rinha-Token": this.#token });
    if (status !== 200) throw new NoAnswer(`GET ${path} answered ${status}`, status === 404);
    const sum = readSum(body);
    if (sum !== null) return sum;
    throw new NoAnswer(`GET ${path} gave no count and no amount in whole cents`, true);
  }

  async find(correlationId: string): Promise<Found | null> {
    const { status, body } = await this.#get(`/payments/${correlationId}`, {});
    if (status === 404 && (body === "" || readFields(body) !== null)) return null;
    if (status !== 200) throw new NoAnswer(`GET /payments/{id} answered ${status}`, false);
    const fields = readFields(body);
    const requestedAtMs = readInstant(fields?.["requestedAt"]);
    const cents = readAmount(fields?.["amount"])?.cents ?? null;
    const isIt = isId(fields?.["correlationId"], correlationId);
    if (!isIt || cents === null || requestedAtMs === null) {
      throw new NoAnswer("GET /payments/{id} gave a payment that cannot be read", true);
    }
    return { cents, requestedAtMs };
  }

  async #get(target: string, headers: Record<string, string>) {
    let answer: Awaited<ReturnType<Exchange>>;
    try {
      const url = this.#url + target;
      answer = await this.#exchange({ url, headers, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      const { code, name } = error as ExchangeError;
      throw new NoAnswer(`no answer: ${String(name === "TimeoutError" ? name : code)}`, false);
    }
    const { status, body, retryAfter, complete } = answer;
    if (status === 401) throw new NoAnswer("401: it does not take the audit-token", true);
    if (status === 429 || status >= 500) {
      const retryAfterMs = readRetryAfterMs(retryAfter, RETRY_AFTER_MS_MAX);
      throw new NoAnswer(`status ${status}`, false, retryAfterMs);
    }
    if (REFUSED_FOR_GOOD.has(status) || (status >= 300 && status < 400)) {
      throw new NoAnswer(`status ${status}`, true);
    }
    if (!complete) throw new NoAnswer(`status ${status}, without a word of where it ends`, false);
    return { status, body };
  }
}

/** Refuses a count of 0 beside an amount: no payments sum to nothing. */
function readSum(body: string | null): Sum | null {
  const { totalRequests, totalAmount } = readFields(body) ?? {};
  if (!(totalRequests instanceof Decimal && totalAmount instanceof Decimal)) return null;
  const count = Number(totalRequests.text);
  const cents = centsFromDecimal(totalAmount.text);
  if (!Number.isSafeInteger(count) || count < 0 || cents === null || cents < 0) return null;
  return count > 0 || cents === 0 ? { count, cents } : null;
}
