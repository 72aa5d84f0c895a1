/** The payment that a charge's body names, read as a processor would, and not with our own reader. */
export type Charged = {
  readonly correlationId: string;
  readonly amountCents: number;
  /** Null where a charge carries no instant. */
  readonly requestedAtMs: number | null;
};

export function chargedOf(body: string): Charged {
  const { correlationId, amount, requestedAt } = JSON.parse(body);
  return {
    correlationId,
    amountCents: Math.round(amount * 100),
    requestedAtMs: Date.parse(requestedAt),
  };
}

/** Reads a charge that is sent as a form. */
export function chargedInForm(body: string): Charged {
  const form = new URLSearchParams(body);
  const correlationId = form.get("metadata[correlation_id]") ?? "";
  return { correlationId, amountCents: Number(form.get("amount")), requestedAtMs: null };
}
