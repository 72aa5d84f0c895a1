import type { OpenPayment } from "./payment.ts";

/** A payment that waits in the queue, as it was accepted; `rest` says what is otherwise. */
export function queuedPayment(
  seq: number,
  { correlationId, amountCents = 1, ...rest }: Partial<OpenPayment & OpenPayment["payment"]> = {},
): OpenPayment {
  const id = correlationId ?? `00000000-0000-4000-8000-${String(seq).padStart(12, "0")}`;
  return {
    seq,
    payment: { correlationId: id, amountCents },
    acceptedAtMs: 0,
    deadlineMs: 0,
    state: { kind: "queued" },
    isOpen: true,
    refusals: 0,
    rejectedBy: null,
    isClaimed: false,
    calls: 0,
    quietSinceMs: 0,
    ...rest,
  };
}
