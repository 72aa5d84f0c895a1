/** Numbers as people read them. */
import { centsOf, decimalOf } from "../../shared/tariff.ts";

/** A whole number in groups of three digits. */
export function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, " ");
}

/** Millionths of a cent in units to the cent, and to the last digit beside it where it has more. */
export function money(millionths: bigint): string {
  const exact = decimalOf(millionths);
  const shown = centsOf(exact);
  return shown === exact ? inGroups(exact) : `${inGroups(shown)} (${inGroups(exact)})`;
}

function inGroups(decimal: string): string {
  const [whole = "0", places] = decimal.split(".");
  return `${whole.replaceAll(/\B(?=(\d{3})+$)/g, " ")}.${places}`;
}
