/** Offers what is shown as a file: CSV for sheets, JSON for programs. */
import { byId } from "./dom.ts";

export type Cell = string | number | null | undefined;
type Sheet = { readonly heads: readonly string[]; readonly rows: readonly (readonly Cell[])[] };

/** Offers both files of a section, behind its two buttons `#<section>-csv` and `#<section>-json`. */
export function offer(section: string, name: string, sheet: () => Sheet, all: () => unknown): void {
  byId(`${section}-csv`).addEventListener("click", () => {
    const { heads, rows } = sheet();
    download(`${name}.csv`, "text/csv", csvOf(heads, rows));
  });
  byId(`${section}-json`).addEventListener("click", () => {
    download(`${name}.json`, "application/json", JSON.stringify(all(), null, 2));
  });
}

export function csvOf(heads: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [heads, ...rows].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
}

function download(name: string, type: "text/csv" | "application/json", text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Quotes a cell; one that a sheet would take for a formula is shown as a text. */
function quoted(cell: Cell): string {
  if (typeof cell === "number") return String(cell);
  const text = (cell ?? "").replace(/^[=+\-@\t\r]/, "'$&");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
