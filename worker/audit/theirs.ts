/**
 * The processor's own books, over HTTP: its administrative summary, and single payments by id. An
 * answer that is not clear is thrown as `NoAnswer`, so that nobody concludes anything from it.
 * The token goes into its header and nowhere else.
 */
import { exchangeTo, type Exchange, type ExchangeError } from "../processor/exchange.ts";
import type { Adapter, HttpCall } from "../processor/adapters/adapter.ts";
import { rinha } from "../processor/adapters/rinha.ts";
import { readFields, readRetryAfterMs } from "../processor/words.ts";
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
  readonly #adapter: Adapter;

  /** `token`: for the header of the contest's processors; others have theirs among the `headers`. */
  constructor(url: string, token: string, adapter: Adapter = rinha, headers = {}) {
    this.#url = url;
    this.#exchange = exchangeTo(url, { headers });
    this.#token = token;
    this.#adapter = adapter;
  }

  /** Calls from now on have another token. */
  renew(token: string): void {
    this.#token = token;
  }

  async totals(window: SummaryWindow): Promise<Sum> {
    const { totals } = this.#adapter;
    if (totals === undefined) throw new NoAnswer("it gives no totals", true);
    const call = totals.call(window);
    const [path] = call.path.split("?", 1);
    const answer = await this.#send(
      call,
      this.#token === "" ? {} : { "X-Rinha-Token": this.#token },
    );
    const { status } = answer;
    if (status !== 200) throw new NoAnswer(`GET ${path} answered ${status}`, status === 404);
    const sum = totals.read(answer);
    if (sum !== null) return sum;
    throw new NoAnswer(`GET ${path} gave no count and no amount in whole cents`, true);
  }

  async find(correlationId: string): Promise<Found | null> {
    const { lookup } = this.#adapter;
    if (lookup === undefined) throw new NoAnswer("it cannot be asked for a payment", true);
    // No amount is known here, and a look does not need it.
    const payment = { correlationId, amountCents: 0 };
    const call = lookup.call(payment);
    const answer = await this.#send(call, {});
    const { status, body } = answer;
    const path = call.path.replace(correlationId, "{id}");
    if (status === 404 && (body === "" || readFields(body) !== null)) return null;
    if (status !== 200) throw new NoAnswer(`GET ${path} answered ${status}`, false);
    const found = lookup.classify(answer, payment);
    if (found.kind !== "found" || found.amountCents === null || found.requestedAtMs === null) {
      throw new NoAnswer(`GET ${path} gave a payment that cannot be read`, true);
    }
    return { cents: found.amountCents, requestedAtMs: found.requestedAtMs };
  }

  async #send({ path, ...call }: HttpCall, more: Record<string, string>) {
    let answer: Awaited<ReturnType<Exchange>>;
    try {
      const url = this.#url + path;
      const headers = { ...call.headers, ...more };
      answer = await this.#exchange({ ...call, url, headers, timeoutMs: TIMEOUT_MS });
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
    return { status, body, retryAfter, complete };
  }
}
