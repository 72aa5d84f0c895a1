/**
 * Writes rows as CSV, as RFC 4180 has it: for the page's downloads and for `worker export`. A sheet would
 * run a cell that begins like a formula, so such a one is written as a text.
 */

export type Cell = string | number | null | undefined;

export function csvOf(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [heads, ...rows].map(csvRow).join("");
}

/** Writes one line, with its end. */
export function csvRow(cells: readonly Cell[]): string {
  return `${cells.map(quoted).join(",")}\r\n`;
}

/** Begins a formula, in a cell or behind what sheets of other countries take for its end. */
const FORMULA = /(^|[;\t|])(?=[=+\-@\t\r＝＋－＠])/g;

/** Quotes a cell; one that a sheet would take for a formula is shown as a text. */
export function quoted(cell: Cell): string {
  if (typeof cell === "number") return String(cell);
  const text = (cell ?? "").replace(FORMULA, "$1'");
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
