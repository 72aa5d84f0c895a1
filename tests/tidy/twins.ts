/**
 * Compares two pages that say the same in two languages: facts that do not depend on the language
 * must be the same in both, section by section. A sentence that is missing in one shows as a
 * command, a setting, a link, a row of a table or an item of a list that is missing.
 *
 * Headings are translated. Sections belong together by what else is in them, so that one that is
 * missing is named, and a link to a heading is one to its counterpart.
 */
import { anchorsOf } from "./links.ts";
import { resolveFrom, type Source } from "./tree.ts";

type Section = {
  readonly heading: string;
  readonly anchor: string;
  readonly level: number;
  readonly text: string;
  readonly facts: readonly string[];
};
type Pair = { readonly own: Section | null; readonly their: Section | null };
/** English anchors by the page's own, by path. */
type Pages = ReadonlyMap<string, ReadonlyMap<string, string>>;

const TRANSLATED = ".pt-br.md";

/** Differences, a sentence each. `twins` are all pages of both languages; `except` are headings of `one`. */
export function twinComplaints(
  one: Source,
  other: Source,
  twins: readonly Source[],
  except: readonly string[] = [],
): string[] {
  const pages = pagesOf([...twins, one, other]);
  const pairs = pairsOf(sectionsOf(one.text), sectionsOf(other.text));
  return pairs.flatMap(({ own, their }, i) => {
    const before = pairs.slice(0, i).findLast((pair) => pair.own !== null && pair.their !== null);
    if (own === null) return [noSection(one, their!, before?.own)];
    if (their === null) return [noSection(other, own, before?.their)];
    if (except.includes(own.heading)) return [];
    const here = [...own.facts, ...linksIn(own, one.path, pages)];
    const there = [...their.facts, ...linksIn(their, other.path, pages)];
    return missing(here, there)
      .map((fact) => `${other.path}: "${their.heading}" lacks ${fact}, which "${own.heading}" has`)
      .concat(
        missing(there, here).map(
          (fact) => `${one.path}: "${own.heading}" lacks ${fact}, which "${their.heading}" has`,
        ),
      );
  });
}

function noSection({ path }: Source, { level, heading }: Section, before: Section | null = null) {
  const place =
    before === null || before.heading === "" ? "at its top" : `after "${before.heading}"`;
  return `${path}: no counterpart of "${"#".repeat(level)} ${heading}", which belongs ${place}`;
}

function missing(wanted: readonly string[], there: readonly string[]): string[] {
  const left = [...there];
  return wanted.filter((fact) => {
    const at = left.indexOf(fact);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

/** Pairs in the order of both pages, so that the fewest facts have no counterpart. */
function pairsOf(own: readonly Section[], their: readonly Section[]): Pair[] {
  const steps = stepsOf(own, their);
  const pairs: Pair[] = [];
  for (let [i, j] = [0, 0]; i < own.length || j < their.length;) {
    const { takes } = steps[i]![j]!;
    pairs.push({
      own: takes === "their" ? null : own[i++]!,
      their: takes === "own" ? null : their[j++]!,
    });
  }
  return pairs;
}

type Step = { readonly cost: number; readonly takes: "both" | "own" | "their" };

/** Tells for any two places the best step from there, and what it costs to come to both ends. */
function stepsOf(own: readonly Section[], their: readonly Section[]): Step[][] {
  const steps: Step[][] = Array.from({ length: own.length + 1 }, () => []);
  const after = (i: number, j: number) => steps[i]?.[j]?.cost ?? Infinity;
  for (let i = own.length; i >= 0; i--) {
    for (let j = their.length; j >= 0; j--) {
      const [a, b] = [own[i], their[j]];
      const choices: Step[] =
        a === undefined && b === undefined ? [{ cost: 0, takes: "both" }] : [];
      if (a !== undefined && b?.level === a.level) {
        choices.push({ cost: distance(a.facts, b.facts) + after(i + 1, j + 1), takes: "both" });
      }
      if (a !== undefined)
        choices.push({ cost: 1 + a.facts.length + after(i + 1, j), takes: "own" });
      if (b !== undefined)
        choices.push({ cost: 1 + b.facts.length + after(i, j + 1), takes: "their" });
      steps[i]![j] = choices.reduce((best, one) => (one.cost < best.cost ? one : best));
    }
  }
  return steps;
}

function distance(some: readonly string[], others: readonly string[]): number {
  return missing(some, others).length + missing(others, some).length;
}

const FENCE = /^ *```[^\n]*\n[\s\S]*?^ *```$/gm;
const LINK = /\]\(([^)\s]+)\)|<(https?:[^>]+)>|(?:src|srcset)="([^"]+)"/g;

function sectionsOf(text: string): Section[] {
  const blocks: string[] = text.match(FENCE) ?? [];
  const anchors = ["", ...anchorsOf(text)];
  // A heading is looked for where no program is, which may have comments that look like one.
  const prose = text.replaceAll(FENCE, () => "\u0000");
  let block = 0;
  const parts = prose.split(/^(?=#{1,6} )/m);
  // A page may begin with its heading: the section before that one is empty then.
  if (prose.startsWith("#")) parts.unshift("");
  return parts.map((part, i) => {
    const [, marks = "", heading = ""] = /^(#+) (.+)$/m.exec(part) ?? [];
    const programs = Array.from(part.matchAll(/\0/g), () => blocks[block++] as string);
    const facts = [...programs, ...spansOf(part), ...numbersOf(part), ...linesOf(part)];
    return { heading, anchor: anchors[i] ?? "", level: marks.length, text: part, facts };
  });
}

const spansOf = (text: string) => Array.from(text.matchAll(/`[^`\n]+`/g), ([span]) => span);

/** A decimal comma is a point, and a thousand is written with a space in both languages. */
function numbersOf(text: string): string[] {
  const prose = text.replaceAll(/`[^`\n]+`|\]\([^)]*\)/g, "");
  return Array.from(prose.matchAll(/\d+(?:[.,]\d+)*/g), ([number]) => {
    return `the number ${number.replaceAll(",", ".")}`;
  });
}

/** Rows are known by the names in their first columns, which are not translated. */
function linesOf(text: string): string[] {
  return Array.from(text.matchAll(/^ *(?:\|([^|\n]*)\||- |\d+\. )/gm), ([mark, cell]) => {
    if (cell === undefined) return mark.trim() === "-" ? "an item" : `a step ${mark.trim()}`;
    const names = spansOf(cell);
    return names.length > 0
      ? `a row of ${names.join(", ")}`
      : "a row with words in its first column";
  });
}

function linksIn(section: Section, path: string, pages: Pages): string[] {
  return Array.from(section.text.matchAll(LINK), ([, inline, bare, file]) => {
    return `a link to ${sameLink(inline ?? bare ?? file ?? "", path, pages)}`;
  });
}

/** Gives the English target of a link to a page of its own language. */
function sameLink(target: string, from: string, pages: Pages): string {
  const [reference = "", anchor] = target.split("#");
  const path = reference === "" ? from : resolveFrom(from, reference);
  if (path !== from && originalOf(path) === originalOf(from)) return "the twin";
  const english = pages.get(path);
  if (english === undefined || isOriginal(path) !== isOriginal(from)) return target;
  const heading = anchor === undefined ? "" : `#${english.get(anchor) ?? anchor}`;
  return originalOf(path) + heading;
}

/** Gives for each page the English anchor of each of its own. */
function pagesOf(sources: readonly Source[]): Pages {
  const sections = new Map(sources.map(({ path, text }) => [path, sectionsOf(text)]));
  const anchors = ([path, own]: [string, Section[]]) => {
    const pairs = isOriginal(path) ? [] : pairsOf(sections.get(originalOf(path)) ?? [], own);
    return new Map(pairs.map((pair) => [pair.their?.anchor ?? "", pair.own?.anchor ?? ""]));
  };
  return new Map([...sections].map((page) => [page[0], anchors(page)]));
}

const originalOf = (path: string) => path.replace(TRANSLATED, ".md");
const isOriginal = (path: string) => !path.endsWith(TRANSLATED);
