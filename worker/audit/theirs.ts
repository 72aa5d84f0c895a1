/**
 * The processor's own books, over HTTP: its administrative summary, and single payments by id. What
 * is no clear answer is thrown as `NoAnswer`: no news, so that nobody concludes anything from it.
 * The token goes into its header and nowhere else.
 */
import { centsFromDecimal } from "../../shared/money.ts";
import type { Sum } from "../audit-report.ts";
import type { SummaryWindow } from "../summary.ts";

/** `lasting`: asking again later will not help; somebody has to look. */
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
  /** What is recorded there with `requestedAt` in the window, both ends included. */
  totals(window: SummaryWindow): Promise<Sum>;
  /** The payment as it is recorded there, or null when it is not. */
  find(correlationId: string): Promise<Found | null>;
}

/** The lowest instant that the contract's processors know; what a missing field becomes there. */
export const BEGIN_MS = Date.parse("0001-01-01T00:00:00Z");
const TIMEOUT_MS = 5_000;
const RETRY_AFTER_MS_MAX = 60_000;
/** A call that is refused like this will be refused again. */
const REFUSED_FOR_GOOD = new Set([400, 401, 403, 405]);

export class HttpBooks implements Theirs {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  async totals({ fromMs, toMs }: SummaryWindow): Promise<Sum> {
    const query = `from=${isoOf(fromMs)}&to=${isoOf(toMs)}`;
    const path = "/admin/payments-summary";
    const { status, body } = await this.#get(`${path}?${query}`, { "X-Rinha-Token": this.#token });
    if (status !== 200) throw new NoAnswer(`GET ${path} answered ${status}`, status === 404);
    const fields = fieldsOf(body);
    const count = Number(fields?.["totalRequests"] ?? Number.NaN);
    const cents = centsFromDecimal(String(fields?.["totalAmount"]));
    if (!Number.isSafeInteger(count) || count < 0 || cents === null) {
      throw new NoAnswer(`GET ${path} gave no count and no amount in whole cents`, true);
    }
    return { count, cents };
  }

  async find(correlationId: string): Promise<Found | null> {
    const { status, body } = await this.#get(`/payments/${correlationId}`, {});
    if (status === 404) return null;
    if (status !== 200) throw new NoAnswer(`GET /payments/{id} answered ${status}`, false);
    const fields = fieldsOf(body);
    const requestedAtMs = Date.parse(String(fields?.["requestedAt"]));
    const cents = centsFromDecimal(String(fields?.["amount"]));
    const isIt = String(fields?.["correlationId"]).toLowerCase() === correlationId;
    if (!isIt || cents === null || Number.isNaN(requestedAtMs)) {
      throw new NoAnswer("GET /payments/{id} gave a payment that cannot be read", true);
    }
    return { cents, requestedAtMs };
  }

  async #get(target: string, headers: Record<string, string>) {
    let response: Response;
    let body: string;
    try {
      response = await fetch(this.#url + target, {
        headers,
        // Elsewhere the token would be somebody else's.
        redirect: "manual",
        proxy: false,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      } as RequestInit);
      body = await response.text();
    } catch (error) {
      const { code, name } = error as Error & { code?: unknown };
      throw new NoAnswer(`no answer: ${String(code ?? name)}`, false);
    }
    const { status, headers: given } = response;
    if (status === 401) throw new NoAnswer("401: it does not take the audit-token", true);
    if (status === 429 || status >= 500) {
      const afterMs = Number(given.get("retry-after")) * 1_000 || 0;
      throw new NoAnswer(`status ${status}`, false, Math.min(afterMs, RETRY_AFTER_MS_MAX));
    }
    if (REFUSED_FOR_GOOD.has(status) || (status >= 300 && status < 400)) {
      throw new NoAnswer(`status ${status}`, true);
    }
    return { status, body };
  }
}

/** Numbers as their text: a sum has more digits than a double. */
function fieldsOf(body: string): Record<string, unknown> | null {
  const asText = (_key: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" ? (context?.source ?? String(value)) : value;
  try {
    const value: unknown = JSON.parse(body, asText);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // Not JSON: whoever asked says what was expected.
  }
}

function isoOf(atMs: number): string {
  return new Date(atMs).toISOString();
}
