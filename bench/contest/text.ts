/** Numbers as people read them. */

/** A whole number in groups of three digits. */
export function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, " ");
}

/** Cents as a decimal with two places. */
export function money(cents: number): string {
  const [whole = "0", places] = (Math.round(cents) / 100).toFixed(2).split(".");
  return `${grouped(Number(whole))}.${places}`;
}
