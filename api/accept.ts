import { readRequestBody } from "../shared/http/request-body.ts";
import { BODY_BYTES_MAX } from "../shared/limits.ts";
import type { Payment } from "../shared/payment.ts";
import { problem, unavailable } from "../shared/problem.ts";
import type { Link, Verdict } from "../shared/verdict.ts";
import type { ApiMetrics } from "./metrics.ts";
import { parsePaymentRequest } from "./payment-request.ts";

export type AcceptParts = {
  readonly link: Link;
  readonly metrics: ApiMetrics;
  readonly amountMax: number;
};

/** Answers `POST /payments`: reads, checks, hands over, and tells what the worker's verdict means. */
export async function acceptPayment(parts: AcceptParts, request: Request): Promise<Response> {
  const arrivedAtMs = performance.now();
  const body = await readRequestBody(request, BODY_BYTES_MAX);
  if (body.kind === "refused") return body.answer;
  const asked = parsePaymentRequest(body.text, parts.amountMax);
  if (!asked.ok) return problem(400, asked.reason);
  const verdict = await parts.link.pay(asked.payment);
  const answer = answerOf(asked.payment, verdict);
  parts.metrics.observePayment(
    verdict === null ? "timeout" : verdict.kind,
    (performance.now() - arrivedAtMs) / 1000,
  );
  return answer;
}

function answerOf(payment: Payment, verdict: Verdict | null): Response {
  if (verdict === null) {
    return unavailable(
      "The worker did not acknowledge in time: the payment may or may not be stored. Repeating the same request is safe.",
    );
  }
  switch (verdict.kind) {
    case "stored":
    case "duplicate":
      return new Response(null, {
        status: 202,
        headers: { location: `/payments/${payment.correlationId}` },
      });
    case "conflict":
      return problem(
        409,
        `A payment ${payment.correlationId} with another amount, source or reference exists.`,
      );
    case "busy":
    case "elsewhere":
      return unavailable(
        `The gateway cannot take payments at the moment: this one ${verdict.mayBeStored ? "may or may not be" : "was not"} stored. Repeating the same request is safe.`,
        retryAfterSeconds(verdict.kind === "busy" ? verdict.retryAfterMs : 0),
      );
    case "invalid":
      return problem(400, "The worker cannot take this payment.");
  }
}

/** Whole seconds, and never 0, which would ask for a repeat at once. */
function retryAfterSeconds(retryAfterMs: number): number {
  return Math.max(1, Math.ceil(retryAfterMs / 1000));
}
