/**
 * Promises that a processor may do without (docs/PROCESSORS.md, P4 to P6), and what is said of one that
 * does: an empty figure would look like a fault, or like a processor that nobody has asked yet.
 */
import { oneOf } from "./schema.ts";

export const LACKING = {
  look: "cannot be asked for a payment",
  totals: "cannot be audited",
  health: "has no health call",
} as const;
export type Lacking = keyof typeof LACKING;

export const lacking = oneOf(...(Object.keys(LACKING) as Lacking[]));

/** Says it of a processor; empty when it makes every promise. */
export function lackingWords(lacks: readonly Lacking[]): string {
  return lacks.map((promise) => LACKING[promise]).join(", ");
}
