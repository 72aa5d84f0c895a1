/** A call and its answer, as any shell carries them: HTTP cut down to what a processor looks at. */
export type Call = {
  readonly method: string;
  /** Path and query: `/admin/payments-summary?from=…`. */
  readonly path: string;
  readonly contentType: string | null;
  /** Header X-Rinha-Token. */
  readonly token: string | null;
  /** Headers Authorization and Idempotency-Key, which some forms look at. */
  readonly authorization?: string | null;
  readonly key?: string | null;
  readonly body: string;
};

/** An HTTP answer; it has the shape of a ResponseInit. */
export type Whole = {
  readonly kind: "whole";
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
};

export type Answer =
  | Whole
  /** The body is too large for one text, and is sent piece by piece. */
  | { readonly kind: "rows"; readonly chunks: Iterable<string> }
  /** Status and part of the body arrive, then the connection closes. */
  | { readonly kind: "truncated"; readonly of: Whole }
  /** The connection closes without a byte of answer. */
  | { readonly kind: "dropped" }
  /** Nothing comes, and the connection stays. */
  | { readonly kind: "silent" };

/** The answer to a ticket comes later, from `advance`. */
export type Pending = { readonly kind: "pending"; readonly ticket: number };
export type Done = { readonly ticket: number; readonly answer: Answer };

export const DROPPED: Answer = { kind: "dropped" };
export const SILENT: Answer = { kind: "silent" };

const JSON_HEADERS = { "content-type": "application/json" };

export function answered(status: number, body: string): Whole {
  return { kind: "whole", status, headers: JSON_HEADERS, body };
}

export function message(status: number, text: string): Whole {
  return answered(status, JSON.stringify({ message: text }));
}

export function empty(status: number, headers: Record<string, string> = {}): Whole {
  return { kind: "whole", status, headers, body: "" };
}

export const TURNED_AWAY: Whole = {
  ...message(429, "too many requests"),
  headers: { ...JSON_HEADERS, "retry-after": "5" },
};
