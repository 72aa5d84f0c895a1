/**
 * Makes what is read of a payment from its row: the same for every driver, whose rows name the state by its
 * code on disk and the id in their own way.
 */
import type { AgeBand, PaymentRecord, WhyEnded } from "../journal-reader.ts";
import { PAYMENT_STATES, type PaymentState } from "../transitions.ts";

type Coded<T> = Omit<T, "state"> & { readonly state: number };
/** A payment's row without its id. */
export type Facts = Coded<Omit<PaymentRecord, "correlationId">>;
export type BandRow = Coded<AgeBand>;

export function stateOf(code: number): PaymentState {
  return PAYMENT_STATES[code] as PaymentState;
}

/** Takes what a record has of a row, which may have more. */
export function recordOf(row: Facts, correlationId: string): PaymentRecord {
  const { seq, amountCents, reference, acceptedAtMs } = row;
  const { processor, requestedAtMs, settledAtMs } = row;
  const state = stateOf(row.state);
  return {
    correlationId,
    seq,
    amountCents,
    state,
    reference,
    acceptedAtMs,
    processor,
    requestedAtMs,
    settledAtMs,
  };
}

/** Takes the last word of a row, which may have more. */
export function whyOf({ reason, code }: WhyEnded): WhyEnded {
  return { reason, code };
}

export function bandOf({ state, band, count, cents, oldestMs }: BandRow): AgeBand {
  return { state: stateOf(state), band, count, cents, oldestMs };
}
