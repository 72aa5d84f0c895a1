/** The payment that a charge's body names, read as a processor would, and not with our own reader. */
export function chargedOf(body: string): {
  readonly correlationId: string;
  readonly amountCents: number;
  readonly requestedAtMs: number;
} {
  const { correlationId, amount, requestedAt } = JSON.parse(body);
  return {
    correlationId,
    amountCents: Math.round(amount * 100),
    requestedAtMs: Date.parse(requestedAt),
  };
}
