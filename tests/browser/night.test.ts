/**
 * Tests the page as whoever is on call meets it, on a phone and after midnight: a gateway in trouble,
 * shown by its compiled worker, at four widths and in both themes. PICTURES names a folder for what was seen.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { INCIDENTS } from "../../shared/incidents/table.ts";
import { ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";
import { launch, NO_CHROMIUM, openPage, WHY_NOT, type Watched } from "./chromium.ts";
import { axeFindings, overprints, pixelsTooWide } from "./judge.ts";
import { LONG, openIds, pay, SPARE, startTrouble, TOKEN, type Trouble } from "./trouble.ts";

const SIZES = [
  [390, 844],
  [768, 1_024],
  [1_024, 768],
  [1_440, 900],
] as const;
const PHONE = { width: 390, height: 844 };
const THEMES = ["light", "dark"] as const;
/** Where the head of a section may stand that is led to, below what sticks to the top. */
const LED_TO_PX_MAX = 140;

const TWO_FRAMES =
  "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";
/** Makes the page longer for a moment, and tells where it stands then. */
const GROWN = `(async () => {
  const more = Object.assign(document.createElement("p"), { textContent: "more" });
  document.body.append(more);
  await ${TWO_FRAMES};
  const stands = scrollY;
  more.remove();
  return stands;
})()`;

/** So far apart payments have no others in the seconds beside theirs. */
const ALONE_MS = 2_500;
/** Tells whether the curve of latencies has its colour anywhere: payments came within one second only. */
const PAINTED = String.raw`(() => {
  const chart = document.getElementById("chart-durable");
  const marker = chart.querySelector(".u-series:nth-child(2) .u-marker");
  const [red, green, blue] = getComputedStyle(marker).borderColor.match(/\d+/g).map(Number);
  const canvas = chart.querySelector("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] === red && data[at + 1] === green && data[at + 2] === blue) return true;
  }
  return false;
})()`;

describe.skipIf(WHY_NOT !== null)(`the dashboard at night${NO_CHROMIUM}`, () => {
  const temporary = temporaryDirectory();
  const pictures = process.env["PICTURES"] ?? temporary.path;
  let trouble: Trouble;
  let browser: Browser;
  let url: string;
  let unknown: string;
  let desk: Watched;

  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true });
    trouble = await startTrouble(ROOT, temporary.path);
    browser = await launch();
    url = `${trouble.stack.workerHttp.url}/dashboard`;
    [unknown] = (await openIds(trouble.stack, "limit=1&state=unknown")) as [string];
    desk = await visit(url, { viewport: { width: 1_440, height: 900 } });
    await isFilled(desk.page);
  });

  afterEach(async () => {
    const others = browser.contexts().filter((one) => one !== desk.page.context());
    await Promise.all(others.map((one) => one.close()));
  });

  afterAll(async () => {
    await browser?.close();
    await trouble?.stack[Symbol.asyncDispose]();
    temporary[Symbol.dispose]();
  });

  const visit = (address: string, options: BrowserContextOptions = {}): Promise<Watched> =>
    openPage(browser, address, options);
  const seen = (what: string, condition: () => Promise<boolean>) => until(what, condition);
  /** A page that changes at the moment of a key may lose its scrolling; whoever is there presses it again. */
  const pressUntil = (page: Page, key: string, what: string, condition: string) =>
    seen(what, async () => {
      await page.keyboard.press(key);
      await page.evaluate(TWO_FRAMES);
      return (await page.evaluate(condition)) === true;
    });
  const text = (page: Page, selector: string) => page.locator(selector).first().innerText();
  const picture = (page: Page, name: string) =>
    page.screenshot({ path: join(pictures, `${name}.png`) });
  const paper = (page: Page) => page.evaluate("getComputedStyle(document.body).backgroundColor");

  /** Every panel shows what it has. */
  async function isFilled(page: Page): Promise<void> {
    for (const place of [".lane", "#audit-list tr", "#open-list tr", "#window-table tr"]) {
      await page.locator(place).first().waitFor();
    }
  }

  test("an address without a path leads to the page", async () => {
    const { page } = await visit(`${trouble.stack.workerHttp.url}/`);
    expect(page.url()).toBe(url);
    expect(await text(page, "h1")).toBe("Papa-Léguas");
  });

  test.each(THEMES)(
    "the button changes a page that began %s, and its curves, and changes it back",
    async (colorScheme) => {
      const { page } = desk;
      await page.emulateMedia({ colorScheme });
      await page.evaluate("delete document.documentElement.dataset.theme");
      const line = () =>
        page.evaluate("getComputedStyle(document.querySelector('.u-marker')).borderColor");
      const before = [await paper(page), await line()];
      expect(before[0]).toBe(colorScheme === "light" ? "rgb(246, 245, 242)" : "rgb(19, 20, 22)");
      await page.click("#theme");
      const after = [await paper(page), await line()];
      expect(after[0]).toBe(colorScheme === "light" ? "rgb(19, 20, 22)" : "rgb(246, 245, 242)");
      expect(after[1]).not.toBe(before[1]);
      await picture(page, `theme-${colorScheme}-changed`);
      await page.click("#theme");
      expect(await paper(page)).toBe(before[0]);
    },
  );

  test.each(SIZES)(
    "at %p px a payment's address leads to it, nothing overprints, and nothing is too wide",
    async (width, height) => {
      const link = `${url}#payment/${unknown}`;
      const { page, complaints } = await visit(link, { viewport: { width, height } });
      await isFilled(page);
      await seen("it is led to", async () => {
        const { y = -1 } = (await page.locator("#payment").boundingBox()) ?? {};
        return y >= 0 && y < LED_TO_PX_MAX && (await page.locator(".standing").isVisible());
      });
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme });
        await picture(page, `payment-${width}-${colorScheme}`);
      }
      await page.evaluate(
        "document.querySelectorAll('details').forEach((one) => (one.open = true))",
      );
      // A key ends the leading; until then the place is kept in view, even when the page grows.
      await pressUntil(page, "Home", "its top", "scrollY === 0");
      expect(await page.evaluate(GROWN)).toBe(0);
      expect(await pixelsTooWide(page)).toBe(0);
      expect(await overprints(page)).toEqual([]);
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme });
        await picture(page, `top-${width}-${colorScheme}`);
        if (width === 390 || width === 1_440) expect(await axeFindings(page)).toEqual([]);
      }
      expect(complaints).toEqual([]);
    },
  );

  test("how long an incident lasted and what it cost stay in sight beside the longest of sentences", async () => {
    const { page } = await visit(url, { viewport: { width: 768, height: 1_024 } });
    await isFilled(page);
    const list = page.locator("#incidents-list");
    const longest = Object.values(INCIDENTS).reduce((most, { message }) => {
      return message.length > most.length ? message : most;
    }, "");
    await list
      .locator("td:nth-child(2)")
      .first()
      .evaluate((cell, message) => {
        cell.textContent = message;
      }, longest);
    expect(await list.evaluate((one) => one.scrollWidth - one.clientWidth)).toBe(0);
    await picture(page, "incident-768");
  });

  test("on a phone a wide table is scrolled inside itself, by its keys too", async () => {
    const { page } = await visit(url, { viewport: PHONE });
    await isFilled(page);
    const list = page.locator("#open-list");
    await list.focus();
    await pressUntil(page, "ArrowRight", "it moves", "document.activeElement.scrollLeft > 0");
    expect(await page.evaluate("scrollX")).toBe(0);
    await list.scrollIntoViewIfNeeded();
    await picture(page, "table-390");
  });

  test("whoever decides settle or absent reads what it is about", async () => {
    const { page } = await visit(`${url}#payment/${unknown}`, { viewport: PHONE });
    const { gateway } = trouble.stack;
    const { amountCents } = (await gateway.statusOf(unknown)) as { amountCents: number };
    for (const action of ["settle", "absent"]) {
      await page.locator("#story").getByRole("button", { name: action }).click();
      const facts = await text(page, "#decision-about");
      expect(facts.replaceAll("\u202f", "")).toContain((amountCents / 100).toFixed(2));
      expect(facts).toContain(LONG);
      expect(facts).toMatch(/age\s+(\d+ (s|min)( \d+ s)?|0 ms), accepted \d{4}-\d\d-\d\d/);
      expect(facts).toContain(unknown);
      for (const [width, height] of [SIZES[0], SIZES[3]]) {
        await page.setViewportSize({ width, height });
        expect(await pixelsTooWide(page)).toBe(0);
        for (const colorScheme of THEMES) {
          await page.emulateMedia({ colorScheme });
          expect(await axeFindings(page, "#decision")).toEqual([]);
          await picture(page, `dialog-${action}-${width}-${colorScheme}`);
        }
      }
      await page.click("#decision-cancel");
    }
  });

  test("a processor's buttons tell apart; draining the last one that works is asked twice", async () => {
    const { page } = desk;
    const lane = page.locator(`[data-lane="${SPARE}"]`);
    const pressed = () => lane.locator('[aria-pressed="true"]').allInnerTexts();
    expect(await lane.locator(".modes button:visible").allInnerTexts()).toEqual([
      "drain",
      "force",
      "automatic",
    ]);
    expect(await pressed()).toEqual(["automatic"]);
    await page.getByRole("button", { name: `drain: ${SPARE}` }).click();
    for (const [name, value] of Object.entries({ token: TOKEN, who: "ana", why: "a test" })) {
      await page.fill(`[name="${name}"]`, value);
    }
    await page.click("#decision-do");
    expect(await text(page, "#decision-answer")).toContain("the last processor that works");
    expect(await pressed()).toEqual(["automatic"]);
    await picture(page, "drain-the-last");
    await page.getByRole("button", { name: "Drain it nevertheless" }).click();
    await seen("it is drained", async () => (await pressed()).join() === "drain");
    await picture(page, "drained");
    await page.getByRole("button", { name: `automatic: ${SPARE}` }).click();
    await page.fill('[name="who"]', "ana");
    await page.fill('[name="why"]', "the test is over");
    await page.click("#decision-do");
    await seen("it is as before", async () => (await pressed()).join() === "automatic");
  });

  test("the files of open payments have all of them, not those that are listed alone", async () => {
    const { page } = desk;
    expect(await page.locator("#open-list tbody tr").count()).toBe(50);
    const first = await openIds(trouble.stack, "limit=1000");
    const rest = await openIds(trouble.stack, `limit=1000&after=${first.at(-1)}`);
    const wanted = page.waitForEvent("download");
    await page.click("#open-csv");
    const csv = await Bun.file(await (await wanted).path()).text();
    const ids = csv
      .trim()
      .split("\r\n")
      .slice(1)
      .map((line) => line.slice(0, 36));
    expect(rest.length).toBeGreaterThan(0);
    expect(ids).toEqual([...first, ...rest]);
  });

  test("a window that is open goes on by itself", async () => {
    const { page } = desk;
    await page.click('[data-last-s="300"]');
    const counted = async () =>
      Number(
        /^([\d\s]+) payment/.exec(await text(page, "#window-note"))?.[1]?.replaceAll(/\s/g, ""),
      );
    await seen("it is counted", async () => (await counted()) > 0);
    const before = await counted();
    await trouble.stack.processors[0]?.setDown(false);
    await seen("more is settled", async () => (await counted()) > before);
    expect(await page.locator('[data-last-s="300"]').getAttribute("aria-pressed")).toBe("true");
    await picture(page, "window-goes-on");
  });

  test("a page goes on over a restart of the worker, and shows no figure that is none", async () => {
    const { page, complaints, strangers } = desk;
    await page.evaluate(`
        window.none = [];
        const look = () => {
          const found = /.*(Invalid Date|NaN|undefined|null).*/.exec(document.body.innerText);
          if (found !== null) none.push(found[0]);
        };
        new MutationObserver(look).observe(document.body, {
          subtree: true, childList: true, characterData: true,
        });
      `);
    const incidents = () => text(page, "#incidents-list");
    await seen("books differ", async () => (await incidents()).includes("audit: drift"));
    // A page that does not know it yet shows no time, which is none that is shorter.
    const upS = async () => {
      const up = /up (?:(\d+) min ?)?(?:(\d+) s)?$/.exec(await text(page, "#up"));
      return up === null ? Number.POSITIVE_INFINITY : 60 * Number(up[1] ?? 0) + Number(up[2] ?? 0);
    };
    const { worker } = trouble.stack;
    const before = await upS();
    expect(before).toBeFinite();
    await worker.stop();
    await seen("it is lost", async () => await page.locator("#lost").isVisible());
    await worker.startAndWait();
    await seen("it is back", async () => (await text(page, "#state")) === "live");
    await seen("it is another one", async () => (await upS()) < before);
    await picture(page, "after-a-restart");
    await pay(trouble.stack, 3);
    await seen("it has seconds", async () => (await text(page, "#figure-accepted .value")) !== "–");
    // Payments of one moment may lie in two seconds, which are a line, and no point; of a single one the median covers it.
    await seen("what stands alone is drawn", async () => {
      if ((await page.evaluate(PAINTED)) === true) return true;
      await pay(trouble.stack, 3);
      await Bun.sleep(ALONE_MS);
      return false;
    });
    await seen("it knows what was", async () => {
      return /audit: drift.*, until the worker ended/.test(await incidents());
    });
    await page.click('[data-shown="day"]');
    await seen("it shows the day", async () => {
      return (await page.locator('[data-shown="day"]').getAttribute("aria-pressed")) === "true";
    });
    expect(await text(page, "#chart-rates")).toMatch(/accepted\s*\d/);
    await picture(page, "day-after-a-restart");
    expect(await page.evaluate("none")).toEqual([]);
    expect({ complaints, strangers }).toEqual({ complaints: [], strangers: [] });
  });
});
