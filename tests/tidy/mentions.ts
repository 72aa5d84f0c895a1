/**
 * A file that a comment or a page names must be there, and so must the heading that a comment names with
 * a page: PROTOCOL.md, "States". Decisions are no exception: they are corrected when a file moves, and
 * describe one that is gone without its path.
 */
import { dirname, normalize } from "node:path/posix";
import { commentsOf } from "./layers.ts";
import { anchorsOf } from "./links.ts";
import type { Source, Tree } from "./tree.ts";

/** A name after `./` is an import's, and stands for wherever that is. */
const MENTION = /(?<![\w./*-])(\w[\w.-]*(?:\/\w[\w.-]*)*\.(?:ts|md))(?![\w/-])(?:, "([^"]+)")?/g;

export function mentionComplaints(
  source: Source,
  { paths, prose }: Pick<Tree, "paths" | "prose">,
): string[] {
  const text = source.path.endsWith(".md") ? codeOf(source.text) : unwrapped(source.text);
  return [...text.matchAll(MENTION)].flatMap(([, name = "", heading]) => {
    const path = placesOf(name, source.path).find((place) => paths.has(place));
    if (path === undefined) return [`${source.path}: there is no ${name}`];
    const page = prose.find((one) => one.path === path);
    if (heading === undefined || page === undefined || hasHeading(page, heading)) return [];
    return [`${source.path}: ${name} has no heading "${heading}"`];
  });
}

/**
 * A name is looked for from the root, beside the file that says it, one folder above, among the parts of
 * that file, and among the pages.
 */
function placesOf(name: string, from: string): string[] {
  const folder = dirname(from);
  const parts = from.replace(/(\.test|\.fixture)?\.\w+$/, "");
  return [".", folder, dirname(folder), parts, "docs"].map((place) =>
    normalize(`${place}/${name}`),
  );
}

function hasHeading(page: Source, heading: string): boolean {
  const [anchor = ""] = anchorsOf(`# ${heading}`);
  return anchorsOf(page.text).includes(anchor);
}

/** Spans and blocks of code of a page. */
function codeOf(text: string): string {
  const code = text.match(/^[ \t]*(```+)[\s\S]*?^[ \t]*\1|(`+)[^`][\s\S]*?\2/gm);
  return (code ?? []).join("\n");
}

/** Comments in one line each, so that a name and its heading may stand in two. */
function unwrapped(text: string): string {
  return commentsOf(text)
    .join("\n")
    .replaceAll(/\s*\n\s*(?:\*|\/\/)?\s*/g, " ");
}
