/** Edits of the source that are made while it is loaded, and never on disk. */
import { plugin } from "bun";
import { join } from "node:path";

export type Edit = { readonly file: string; readonly find: string; readonly replace: string };
export type Edited = { readonly name: string; readonly edits: readonly Edit[] };
/** Edits under one title; `about` is what is said of each beside its file. */
export type Titled = {
  readonly title: string;
  readonly edits: readonly (Edit & { readonly about: string })[];
};

const ROOT = join(import.meta.dir, "../..");

/**
 * Reads edits as a text has them. A title follows `@`, and `#` begins a comment. An edit is the file, with what is
 * said of it behind a colon; then the lines that stand there after `-`, and those that they become after `+`.
 */
export function readEdits(text: string): Titled[] {
  const entries = text.replaceAll(/^(?:#.*)?\n/gm, "").split(/^@ /m);
  return entries.slice(1).map((entry) => {
    const [title = "", ...lines] = entry.trimEnd().split("\n");
    const edits: { head: string; find: string[]; replace: string[] }[] = [];
    for (const line of lines) {
      const code = line.slice(2);
      if (line.startsWith("-")) edits.at(-1)!.find.push(code);
      else if (line.startsWith("+")) edits.at(-1)!.replace.push(code);
      else edits.push({ head: line, find: [], replace: [] });
    }
    return { title, edits: edits.map(editOf) };
  });
}

function editOf({ head, ...code }: { head: string; find: string[]; replace: string[] }) {
  const [file = "", ...about] = head.split(": ");
  const [find, replace] = [code.find.join("\n"), code.replace.join("\n")];
  return { file, about: about.join(": "), find, replace };
}

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
