import type { Payment } from "../../shared/payment.ts";

/** What a processor is told: the same bytes in every attempt while a payment is assigned to it. */
export type Charge = Payment & { readonly requestedAtMs: number };
