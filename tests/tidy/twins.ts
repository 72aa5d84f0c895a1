/**
 * Compares two pages that say the same in two languages: facts that do not depend on the language
 * must be the same in both, section by section. A sentence that is missing in one shows as a
 * command, a setting, a link, a row of a table or an item of a list that is missing.
 */
import { anchorsOf } from "./links.ts";
import type { Source } from "./tree.ts";

type Section = {
  readonly heading: string;
  readonly level: number;
  readonly facts: readonly string[];
};

/** Differences, a sentence each. `except` are headings of `one` whose facts may differ. */
export function twinComplaints(one: Source, other: Source, except: readonly string[]): string[] {
  const [own, theirs] = [sectionsOf(one, other), sectionsOf(other, one)];
  if (own.map(({ level }) => level).join() !== theirs.map(({ level }) => level).join()) {
    return [`${other.path}: not the headings of ${one.path}, in number or level`];
  }
  return own.flatMap(({ heading, facts }, i) => {
    if (except.includes(heading)) return [];
    const there = missing(facts, theirs[i]?.facts ?? []);
    const here = missing(theirs[i]?.facts ?? [], facts);
    return there
      .map((fact) => `${other.path}: ${heading}: no ${fact}`)
      .concat(here.map((fact) => `${one.path}: ${heading}: no ${fact}`));
  });
}

function missing(wanted: readonly string[], there: readonly string[]): string[] {
  const left = [...there];
  return wanted.filter((fact) => {
    const at = left.indexOf(fact);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

const LINK = /\]\(([^)\s]+)\)|<(https?:[^>]+)>|(?:src|srcset)="([^"]+)"/g;
const FENCE = /^```[^\n]*\n[\s\S]*?^```$/gm;

function sectionsOf({ path, text }: Source, twin: Source): Section[] {
  const blocks: string[] = text.match(FENCE) ?? [];
  // A heading is looked for where no program is, which may have comments that look like one.
  const prose = text.replaceAll(FENCE, () => "\u0000");
  const anchors = anchorsOf(text);
  let block = 0;
  return prose.split(/^(?=#{1,6} )/m).map((part) => {
    const [, marks = "", heading = ""] = /^(#+) (.+)$/m.exec(part) ?? [];
    const programs = Array.from(part.matchAll(/\0/g), () => blocks[block++] as string);
    const link = (target: string) => sameLink(target, { path, anchors, twin: twin.path });
    const spans = Array.from(part.matchAll(/`[^`\n]+`/g), ([span]) => span);
    const links = Array.from(part.matchAll(LINK), ([, inline, bare, file]) => {
      return `link to ${link(inline ?? bare ?? file ?? "")}`;
    });
    const lines = Array.from(part.matchAll(/^(\||- )/gm), ([mark]) =>
      mark === "|" ? "row" : "item",
    );
    const facts = programs.concat(spans, links, lines);
    return { heading, level: marks.length, facts };
  });
}

/** A link to the other language is one to oneself; one to a heading is to the heading's number. */
function sameLink(
  target: string,
  { path, anchors, twin }: { path: string; anchors: readonly string[]; twin: string },
): string {
  if (target === twin || target === path) return "the twin";
  return target.startsWith("#") ? `heading ${anchors.indexOf(target.slice(1))}` : target;
}
