import type { Payment } from "../../shared/payment.ts";

/** The payment that a processor is sent: the same in every attempt while it is assigned to it. */
export type Charge = Payment & {
  readonly requestedAtMs: number;
};
