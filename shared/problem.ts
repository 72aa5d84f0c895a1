/** An error as the outside sees it: RFC 9457 problem+json, one sentence that helps, no stack trace. */
const TITLES: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Answers 503, after which the same request may be repeated. */
export function unavailable(detail: string, retryAfterSeconds = 1): Response {
  return problem(503, detail, { "retry-after": String(retryAfterSeconds) });
}

/** The sentence of a problem; null when the text is something else. */
export function detailOf(text: string): string | null {
  try {
    const { detail } = JSON.parse(text) as { readonly detail?: unknown };
    return typeof detail === "string" ? detail : null;
  } catch {
    return null; // It is not JSON, or it is `null`.
  }
}

export function problem(
  status: number,
  detail: string,
  headers: Record<string, string> = {},
): Response {
  const body = { type: "about:blank", title: TITLES[status] ?? "Error", status, detail };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
