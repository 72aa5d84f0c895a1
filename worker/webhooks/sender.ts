/**
 * Sends one event to the shop, over the connections that processors are called by: with bounds on time and
 * on what is read, without a proxy, and without following a redirect, which would take the event, and
 * whatever address guard there is, to a place that nobody has configured.
 */
import type { Secrets } from "../../shared/settings.ts";
import type { Resolve } from "../../shared/net/names.ts";
import { exchangeTo, type Exchange, type ExchangeError } from "../processor/exchange.ts";
import { PRIVATE, publicOnly } from "../../shared/net/public.ts";
import type { Outcome } from "./deliveries.ts";
import type { PaymentEvent } from "../events/event.ts";
import { signerOf } from "./signature.ts";

const TIMEOUT_MS = 10_000;
/** Nobody reads the answer; more than this is somebody who wants the worker's memory. */
const ANSWER_BYTES_MAX = 64 * 1024;

export type Target = {
  readonly url: string;
  readonly secrets: Secrets;
  readonly allowPrivate: boolean;
};

export type Send = (event: PaymentEvent, nowMs: number) => Promise<Outcome>;

/** Makes a sender, which never rejects. */
export function senderTo(
  { url, secrets, allowPrivate }: Target,
  {
    resolve,
    timeoutMs = TIMEOUT_MS,
  }: { readonly resolve?: Resolve; readonly timeoutMs?: number } = {},
): Send {
  const guarded = allowPrivate ? resolve : publicOnly(resolve);
  const options = guarded === undefined ? {} : { resolve: guarded };
  const exchange = exchangeTo(url, { ...options, answerBytesMax: ANSWER_BYTES_MAX });
  const sign = signerOf(secrets);
  return async (event, nowMs) => {
    try {
      const headers = sign(event, nowMs);
      return outcomeOf(await exchange({ url, headers, body: event.body, timeoutMs }));
    } catch (error) {
      return { kind: "refused", reason: reasonOf(error as ExchangeError, timeoutMs), askedMs: 0 };
    }
  };
}

/** Status 2xx is yes; 410 is never again; all else, a redirect too, is not now. */
export function outcomeOf({
  status,
  retryAfter,
}: Pick<Awaited<ReturnType<Exchange>>, "status" | "retryAfter">): Outcome {
  if (status >= 200 && status < 300) return { kind: "taken" };
  if (status === 410) return { kind: "gone" };
  const isRedirect = status >= 300 && status < 400;
  const reason = `answered ${status}${isRedirect ? ", and redirects are not followed" : ""}`;
  return { kind: "refused", reason, askedMs: askedMs(retryAfter) };
}

/** Time that a Retry-After asks for; one that is a date is left to the schedule. */
function askedMs(retryAfter: string | null): number {
  return /^\d{1,9}$/.test(retryAfter ?? "") ? Number(retryAfter) * 1_000 : 0;
}

function reasonOf(error: ExchangeError, timeoutMs: number): string {
  if (error.name === "TimeoutError") return `no whole answer within ${timeoutMs / 1_000} s`;
  if (error.code === PRIVATE)
    return "no connection: its address is private, and WEBHOOK_ALLOW_PRIVATE is not true";
  const what =
    error.neverLeft === true ? "no connection" : "the connection broke, or it was no answer";
  return `${what}: ${String(error.code)}`;
}
