/** Edits of the source that are made while it is loaded, and never on disk. */
import { plugin } from "bun";
import { join } from "node:path";

export type Edit = { readonly file: string; readonly find: string; readonly replace: string };
export type Edited = { readonly name: string; readonly edits: readonly Edit[] };
export type PlantedBug = Edited & {
  /** Last seed that is tried: it is found by then. */
  readonly seedsMax: number;
  /** First seed that is tried, 1 unless another is given: one that found it is near. Those before it come last. */
  readonly seedsFrom?: number;
};

const ROOT = join(import.meta.dir, "../..");

/** Edits what is loaded after. */
export function plant(one: Edited): void {
  for (const file of filesOf(one)) {
    plugin({
      name: `plant ${file}`,
      setup(build) {
        build.onLoad({ filter: new RegExp(`^${RegExp.escape(join(ROOT, file))}$`) }, async () => ({
          contents: await editedText(one, file),
          loader: "ts",
        }));
      },
    });
  }
}

export function filesOf({ edits }: Edited): string[] {
  return [...new Set(edits.map(({ file }) => file))];
}

/** Throws when an edit's text is not found exactly once: it might silently plant nothing. */
export async function editedText({ name, edits }: Edited, file: string): Promise<string> {
  let text = await Bun.file(join(ROOT, file)).text();
  for (const { find, replace } of edits.filter((edit) => edit.file === file)) {
    const found = text.split(find).length - 1;
    if (found !== 1) throw new Error(`${name}: ${found} places in ${file}, not one`);
    text = text.replace(find, () => replace);
  }
  return text;
}
