/** Offers what is shown as a file: CSV for sheets, JSON for programs. */
import { csvOf, type Cell } from "../shared/csv.ts";
import { byId, h, setText } from "./dom.ts";

export type Sheet = {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
};

/** Columns by their heads. */
export type Columns<T> = { readonly [head: string]: (one: T) => Cell };

export function sheetOf<T>(columns: Columns<T>, all: readonly T[]): Sheet {
  const cells = Object.values(columns);
  return { heads: Object.keys(columns), rows: all.map((one) => cells.map((of) => of(one))) };
}

/** Offers both files of a section, behind two buttons in its `[data-files]`: `#<section>-csv` and `#<section>-json`. */
export function offer(
  section: string,
  name: string,
  sheet: () => Sheet | Promise<Sheet>,
  all: () => unknown,
): void {
  const place = document.querySelector(`[data-files="${section}"]`);
  for (const type of ["csv", "json"]) {
    place?.append(h("button", { type: "button", id: `${section}-${type}` }, type.toUpperCase()));
  }
  onPress(`${section}-csv`, async () => {
    const { heads, rows } = await sheet();
    download(`${name}.csv`, "text/csv", csvOf(heads, rows));
  });
  onPress(`${section}-json`, async () => {
    download(`${name}.json`, "application/json", JSON.stringify(await all(), null, 2));
  });
}

/** A file that is still being read is not begun a second time; one that cannot be read is none. */
function onPress(id: string, make: () => Promise<void>): void {
  const button = byId<HTMLButtonElement>(id);
  const label = button.textContent;
  button.addEventListener("click", () => {
    button.disabled = true;
    make()
      .then(() => setText(button, label))
      .catch(() => setText(button, `${label}: failed`))
      .finally(() => (button.disabled = false));
  });
}

function download(name: string, type: "text/csv" | "application/json", text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
