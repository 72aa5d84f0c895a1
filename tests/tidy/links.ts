/** Relative links in Markdown: the file must be there, and so must the heading. */
import { resolveFrom, type Source, type Tree } from "./tree.ts";

export function linkComplaints(
  source: Source,
  { paths, prose }: Pick<Tree, "paths" | "prose">,
): string[] {
  return linksOf(source.text)
    .filter((link) => !resolves(link, source, { paths, prose }))
    .map((link) => `${source.path}: nothing at ${link}`);
}

function resolves(
  link: string,
  source: Source,
  { paths, prose }: Pick<Tree, "paths" | "prose">,
): boolean {
  const [reference = "", anchor] = link.split("#");
  const target = reference === "" ? source.path : resolveFrom(source.path, decodeURI(reference));
  if (!paths.has(target)) return false;
  const page = prose.find(({ path }) => path === target);
  return anchor === undefined || page === undefined || anchorsOf(page.text).includes(anchor);
}

/** Everything a page links to that has no scheme (`https:` and the like). */
export function linksOf(text: string): string[] {
  const links =
    /\]\(<?([^)\s>]+)>?(?:\s[^)]*)?\)|^\s*\[[^\]]+\]:\s+(\S+)|\b(?:src|srcset|href)="([^"]+)"/gm;
  return [...withoutCode(text).matchAll(links)]
    .map(([, inline, defined, html]) => inline ?? defined ?? html ?? "")
    .filter((link) => !/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(link));
}

/** The anchors that GitHub gives to headings; a repeated heading gets a number. */
export function anchorsOf(text: string): string[] {
  const seen = new Map<string, number>();
  return [...withoutFences(text).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].map(([, heading = ""]) => {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const anchor = words.replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
    const repeated = seen.get(anchor) ?? 0;
    seen.set(anchor, repeated + 1);
    return repeated === 0 ? anchor : `${anchor}-${repeated}`;
  });
}

function withoutCode(text: string): string {
  return withoutFences(text).replaceAll(/(`+)[^`][\s\S]*?\1/g, "");
}

function withoutFences(text: string): string {
  return text.replaceAll(/^[ \t]*(```+|~~~+)[\s\S]*?^[ \t]*\1[^\n]*$/gm, "");
}
