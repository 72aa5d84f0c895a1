/**
 * Loads the dashboard's files: bundled into the binary when it is compiled, and from source when the
 * first of them is asked for. Both give the page and what it refers to, under names with their hash.
 */
import page from "../../dashboard/index.html";

export type PageFile = { readonly text: string; readonly type: string };

const FOLDER = "/dashboard/";
const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

let loading: Promise<ReadonlyMap<string, PageFile>> | null = null;

/** Gives the files by path; the page itself is `/dashboard/`. */
export function pageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  return (loading ??= load());
}

async function load(): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>();
  for (const [path, content] of await contents()) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const type = TYPES[name.slice(name.lastIndexOf(".") + 1)];
    if (type === undefined) throw new Error(`the page has a file of no known type: ${name}`);
    const isPage = name.endsWith(".html");
    const text = await content.text();
    files.set(FOLDER + (isPage ? "" : name), { text: isPage ? placed(text) : text, type });
  }
  return files;
}

async function contents(): Promise<[path: string, Pick<Blob, "text">][]> {
  if (page.files !== undefined) return page.files.map(({ path }) => [path, Bun.file(path)]);
  const { outputs } = await Bun.build({ entrypoints: [page.index], minify: true });
  return outputs.map((output) => [output.path, output]);
}

/** Puts files into their folder: the bundler refers to them from the root, or from the page's place. */
function placed(html: string): string {
  return html.replaceAll(/(?<=\b(?:src|href)=")\.?\/(?=chunk-)/g, FOLDER);
}
