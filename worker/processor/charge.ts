import type { Payment } from "../../shared/payment.ts";

/** The body that a processor is sent: the same bytes in every attempt while a payment is assigned to it. */
export type Charge = Payment & { readonly requestedAtMs: number };
