/** Numbers as people read them. */
import { decimalOf, shownOf } from "../../shared/tariff.ts";

/** A whole number in groups of three digits. */
export function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, " ");
}

/** Millionths of a cent in units to the cent, and to the last digit beside it where it has more. */
export function money(millionths: bigint): string {
  return shownOf(decimalOf(millionths)).replaceAll(/\B(?=(\d{3})+\.)/g, " ");
}
