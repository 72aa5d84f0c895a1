/** Judges what a page shows as a picky reader would: what overprints, what is too wide, what axe finds. */
import axe from "axe-core";
import type { Page } from "playwright-core";

/** Texts that lie upon each other, as they are shown now. */
export function overprints(page: Page): Promise<string[]> {
  return page.evaluate(OVERPRINTS) as Promise<string[]>;
}

/** Width that the page can be scrolled to, beyond what is seen of it. */
export function pixelsTooWide(page: Page): Promise<number> {
  const root = "document.documentElement";
  return page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`) as Promise<number>;
}

/** Serious and critical findings of axe, each with where it is. */
export async function axeFindings(page: Page, within = "html"): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate(
    `axe.run(${JSON.stringify(within)}, { resultTypes: ["violations"] })`,
  )) as axe.AxeResults;
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}

/**
 * Runs in the page. A text is where its letters are, cut to what the boxes around it let be seen; what
 * stands on top by purpose is left out.
 */
const OVERPRINTS = String.raw`(() => {
  const TOLERATED = 2;
  const onTop = ".unseen, .skip, .formula, dialog:not([open]), [hidden]";
  const cut = (box, element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      if (getComputedStyle(at).overflow === "visible") continue;
      const { left, top, right, bottom } = at.getBoundingClientRect();
      box = {
        left: Math.max(box.left, left),
        top: Math.max(box.top, top),
        right: Math.min(box.right, right),
        bottom: Math.min(box.bottom, bottom),
      };
    }
    return box;
  };
  const words = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.textContent.trim() === "" || element.closest(onTop) !== null) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      const box = cut(rect, element);
      const isSeen = box.right - box.left > TOLERATED && box.bottom - box.top > TOLERATED;
      if (isSeen) words.push({ box, node, text: node.textContent.trim() });
    }
  }
  const found = [];
  for (let i = 0; i < words.length; i++) {
    for (let j = i + 1; j < words.length; j++) {
      const [a, b] = [words[i], words[j]];
      const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      // Lines of one size may touch by their leading.
      if (a.node !== b.node && wide > TOLERATED && high > 2 * TOLERATED) {
        found.push(a.text + " × " + b.text);
      }
    }
  }
  return found;
})()`;
