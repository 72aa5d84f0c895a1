/** Answers `/readyz`: one sentence for those who look at the status alone, or every reason as JSON. */
import type { Readiness, Reason } from "./http-api/readiness.ts";
import { unavailable } from "./problem.ts";

export const DRAINING: Reason = { code: "draining", detail: "draining" };

export function answerReadiness(
  { reasons, warnings }: Readiness,
  query: URLSearchParams,
  word: string,
): Response {
  const [first] = reasons;
  if (!query.has("verbose")) {
    return first === undefined ? new Response(`${word}\n`) : unavailable(first.detail);
  }
  const ready = first === undefined;
  const body = JSON.stringify({ ready, reasons, warnings });
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return ready
    ? new Response(body, { headers })
    : new Response(body, { status: 503, headers: { ...headers, "retry-after": "1" } });
}
