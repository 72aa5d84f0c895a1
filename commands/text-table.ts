/** Prints tables for a terminal, with nothing in them that speaks to it. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = [head, ...rows.map((row) => row.map(plain))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join("  "));
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** Reasons come from processors: no control character of theirs may reach the terminal. */
export function plain(value: unknown): string {
  return String(value)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\p{Cc}/gu, "?");
}
