import { readdir } from "node:fs/promises";
import { dirname, normalize } from "node:path/posix";

/** A file as the rules see it: its path from the project's root, with slashes, and its text. */
export type Source = { readonly path: string; readonly text: string };

export type Tree = {
  /** Paths of every file and folder. */
  readonly paths: ReadonlySet<string>;
  readonly code: readonly Source[];
  readonly prose: readonly Source[];
};

export const NOT_OURS = new Set(["node_modules", "dist", "data", ".git"]);

export async function readTree(root: string): Promise<Tree> {
  const paths = new Set<string>(["."]);
  const code: Source[] = [];
  const prose: Source[] = [];
  for await (const path of filesOf(root)) {
    for (let up = path; up !== "."; up = dirname(up)) paths.add(up);
    const kind = /\.(ts|css|html)$/.test(path) ? code : path.endsWith(".md") ? prose : null;
    kind?.push({ path, text: await Bun.file(`${root}/${path}`).text() });
  }
  return { paths, code, prose };
}

async function* filesOf(root: string): AsyncGenerator<string> {
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name)) continue;
    if (entry.isFile()) yield entry.name;
    if (!entry.isDirectory()) continue;
    const below = new Bun.Glob("**/*").scan({ cwd: `${root}/${entry.name}`, dot: true });
    for await (const path of below) yield `${entry.name}/${path}`;
  }
}

export function isTest(path: string): boolean {
  return path.startsWith("tests/") || /\.(test|fixture|contract)\.ts$/.test(path);
}

/** The path to which a relative reference in the file `from` points. */
export function resolveFrom(from: string, reference: string): string {
  if (reference.startsWith("/")) return normalize(reference.slice(1)).replace(/\/$/, "") || ".";
  return normalize(`${dirname(from)}/${reference}`).replace(/\/$/, "") || ".";
}
