/** Tests the dashboard as people meet it: in a browser, while something happens. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import packageJson from "../../package.json";
import { GatewayClient } from "../../testing/gateway.ts";
import { ProcessorAdmin } from "../../testing/processor-admin.ts";
import { startStand, type Stand } from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";
import { launch, NO_CHROMIUM, openPage, WHY_NOT, type Watched } from "./chromium.ts";
import { NO_HAPROXY, startHaproxy, WHY_NO_HAPROXY } from "../../testing/haproxy.ts";
import { Traffic } from "./traffic.ts";

const TOKEN = "a token of the test";
const READ_TOKEN = "a token that reads";
/** Chromium drops what a page offers beyond ten files a second, without a word. */
const FILE_EVERY_MS = 120;
const PHONE = { width: 390, height: 844 };

describe.skipIf(WHY_NOT !== null)(`the dashboard in a browser${NO_CHROMIUM}`, () => {
  let stand: Stand;
  let browser: Browser;
  let traffic: Traffic;
  let gateway: GatewayClient;
  let cheap: ProcessorAdmin;
  let worker: Watched;
  /** A payment that was taken while the cheaper processor failed. */
  let troubled: string;

  beforeAll(async () => {
    stand = await startStand({ env: { ADMIN_TOKEN: TOKEN, READ_TOKEN, PATIENCE_MS: "2000" } });
    gateway = stand.gateway;
    cheap = stand.preferred;
    traffic = new Traffic(gateway, 40);
    browser = await launch();
    worker = await openPage(browser, `${stand.workerUrl}/dashboard`);
  });

  afterAll(async () => {
    traffic?.[Symbol.dispose]();
    await browser?.close();
    await stand?.[Symbol.asyncDispose]();
  });

  const text = (page: Page, selector: string) => page.locator(selector).first().innerText();
  const seen = (what: string, condition: () => Promise<boolean>) => until(what, condition);
  const breakerOf = (name: string) =>
    worker.page.locator(`[data-lane="${name}"]`).getAttribute("data-breaker");
  const figure = async (selector: string) =>
    Number((await text(worker.page, selector)).replaceAll(/[^\d.]/g, ""));

  test("its numbers change while payments come", async () => {
    const { page } = worker;
    await seen("live", async () => (await text(page, "#state")) === "live");
    await seen("a rate", async () => (await figure("#figure-accepted .value")) > 10);
    const settled = '[data-lane="default"] dl div:nth-child(4) dd';
    const before = await figure(settled);
    await seen("more is settled", async () => (await figure(settled)) > before);
    expect(await text(page, "#figure-p99 .value")).toMatch(/^[\d.]+ m?s$/);
    expect(await figure("#money-paid .value")).toBeGreaterThan(0);
    expect(await page.locator("#chart-rates canvas").count()).toBe(1);
    expect(await text(page, "#version")).toBe(`Papa-Léguas ${packageJson.version}`);
  });

  test("a breaker opens before one's eyes, with its cause, and closes again", async () => {
    await cheap.setFailure(true);
    await seen("open", async () => (await breakerOf("default")) === "open");
    await seen("the sentence", async () =>
      (await text(worker.page, "#verdict")).startsWith(
        "The cheapest cannot be used: default's breaker is open.",
      ),
    );
    expect(await worker.page.title()).toMatch(/^default away.* · Papa-Léguas$/);
    const before = traffic.ids.length;
    await seen("payments in trouble", async () => traffic.ids.length > before + 20);
    troubled = traffic.ids[before + 10] as string;
    const lane = worker.page.locator('[data-lane="default"]');
    expect(await lane.locator(".changes").innerText()).toMatch(
      /closed → open\s+(500 without a body: it is failing|its health reading says failing: true)/,
    );
    expect(await lane.locator(".timeline rect.open title").first().textContent()).toMatch(
      /^open from \d\d:\d\d:\d\d, for .+: (500|its health)/,
    );
    await cheap.setFailure(false);
    await seen("closed", async () => (await breakerOf("default")) === "closed");
    await seen("all is well", async () =>
      (await text(worker.page, "#verdict")).startsWith("All is well: payments go to default"),
    );
    expect(await worker.page.title()).toBe("Papa-Léguas");
  });

  test("the money adds up, with its formula on focus", async () => {
    const { page } = worker;
    const formula = page.locator("#money-paid .formula");
    expect(await formula.isVisible()).toBe(false);
    await page.locator("#money-paid").focus();
    expect(await formula.isVisible()).toBe(true);
    expect(await formula.innerText()).toContain("at 5 %");
    // Both are read at once: payments come in while the test looks.
    const both = await page.locator("#money-paid .value, #money-paid .formula").allInnerTexts();
    const [paid, sum] = both.map((one) => one.replaceAll(/\s/g, ""));
    // The figure is in whole cents, the formula exact.
    const exact = Number(/=([\d.]+)$/.exec(sum ?? "")?.[1]);
    expect(Math.abs(exact - Number(paid))).toBeLessThanOrEqual(0.005);
  });

  test("a payment's story is told in sentences", async () => {
    const { page } = worker;
    await seen("it settles", async () => {
      return (await gateway.stateOf(troubled)) === "settled";
    });
    await page.fill("#story-id", `  ${troubled.toUpperCase()} `);
    await page.keyboard.press("Enter");
    await seen("its story", async () => (await page.locator("ol.story li").count()) > 2);
    const story = await text(page, "ol.story");
    expect(story).toContain("were written down, then the shop was told 202.");
    expect(story).toMatch(
      /Settled: (default|fallback) has recorded it, .+ after it was accepted\./,
    );
    expect(page.url()).toEndWith(`/dashboard#payment/${troubled}`);
    const { page: another } = await openPage(browser, page.url());
    await seen("it again", async () => (await text(another, "ol.story")) === story);
    await another.context().close();
    await page.fill("#story-id", crypto.randomUUID());
    await page.keyboard.press("Enter");
    await seen("nothing", async () =>
      (await text(page, "#story-note")).includes("No payment has this correlationId."),
    );
  });

  test("whatever is shown is there as CSV and as JSON", async () => {
    const { page } = worker;
    await page.fill("#story-id", troubled);
    await page.keyboard.press("Enter");
    await seen("its story", async () => (await page.locator("ol.story li").count()) > 2);
    for (const [section, begin] of Object.entries({
      live: "at,span_ms,accepted,settled_default,settled_fallback,",
      lanes: "at,processor,from,to,cause",
      money: "processor,tariff,fee,settled,amount,fees_paid",
      audit: "processor,state,ours_count,",
      story: "at,after_ms,what",
      open: "id,state,processor,amount,",
    })) {
      const fileOf = async (kind: string) => {
        await Bun.sleep(FILE_EVERY_MS);
        const wanted = page.waitForEvent("download");
        await page.click(`#${section}-${kind}`);
        return await Bun.file(await (await wanted).path()).text();
      };
      expect(await fileOf("csv")).toStartWith(begin);
      expect(JSON.parse(await fileOf("json"))).toBeObject();
    }
  });

  test("payments are listed by what is chosen, in pages and in files, and opened", async () => {
    const { page } = worker;
    const rows = page.locator("#payments-list tbody tr");
    const reference = "=order 7; Açaí";
    const amounts = [0.07, 0.08, 0.09];
    for (const amount of amounts) {
      const body = JSON.stringify({ correlationId: crypto.randomUUID(), amount, reference });
      const answer = await fetch(`${gateway.url}/payments`, { method: "POST", body });
      expect(answer.status).toBe(202);
    }
    const list = async (chosen: { readonly [field: string]: string }) => {
      for (const field of ["reference", "from", "to"]) {
        await page.fill(`#payments-${field}`, chosen[field] ?? "");
      }
      for (const field of ["status", "processor"]) {
        await page.selectOption(`#payments-${field}`, chosen[field] ?? "");
      }
      await page.locator("#payments-form button", { hasText: "List" }).click();
    };
    await list({ reference });
    await seen("three payments", async () => (await rows.count()) === 3);
    const shown = await rows.locator("td:nth-child(3)").allInnerTexts();
    expect(shown.toSorted()).toEqual(["0.07", "0.08", "0.09"]);
    const download = page.waitForEvent("download");
    await page.click("#payments-csv");
    const csv = await Bun.file(await (await download).path()).text();
    const lines = csv.trimEnd().split("\r\n");
    expect(lines).toHaveLength(4);
    expect(lines[1]).toContain(`,"'=order 7; Açaí",0.0`);
    const id = await rows.first().locator("button.id").innerText();
    await rows.first().locator("button.id").click();
    await seen("its story", async () => (await text(page, "#story .facts")).includes(id));

    await list({ status: "settled", processor: "default" });
    await seen("a page", async () => (await rows.count()) === 50);
    const states = new Set(await rows.locator("td:nth-child(4)").allInnerTexts());
    expect([...states]).toEqual(["settled"]);
    const firsts = await rows.locator("td:first-child").allInnerTexts();
    await page.click("#payments-older");
    await seen("the next", async () =>
      (await text(page, "#payments-note")).startsWith("51 to 100"),
    );
    const seconds = await rows.locator("td:first-child").allInnerTexts();
    expect(seconds.filter((one) => firsts.includes(one))).toEqual([]);
    await page.click("#payments-newer");
    await seen("the first", async () => (await text(page, "#payments-note")).startsWith("1 to 50"));
    await list({ from: "2001-01-01T00:00:00", to: "2001-01-02T00:00:00" });
    await seen(
      "none",
      async () => (await text(page, "#payments-note")) === "No payment is like that.",
    );
    expect(await page.locator("#payments-files").isVisible()).toBe(false);
  });

  test("an API lists payments for whoever has the read token, which is kept in memory alone", async () => {
    const { page } = await openPage(browser, `${gateway.url}/dashboard`);
    const press = () => page.locator("#payments-form button", { hasText: "List" }).click();
    const rows = page.locator("#payments-list tbody tr");
    await press();
    await seen("the field", () => page.locator("#payments-token").isVisible());
    await page.fill("#payments-token", "wrong");
    await press();
    await seen("the refusal", async () =>
      (await text(page, "#payments-note")).startsWith("Refused: "),
    );
    await page.fill("#payments-token", READ_TOKEN);
    await press();
    await seen("a page", async () => (await rows.count()) === 50);
    expect(await page.locator("#payments-token").isVisible()).toBe(false);
    const kept = await page.evaluate(
      "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])",
    );
    expect(kept).not.toContain(READ_TOKEN);
    await page.click("#payments-forget");
    expect(await rows.count()).toBe(0);
    await press();
    await seen("asked again", () => page.locator("#payments-token").isVisible());
    await page.context().close();
  });

  test("keys lead through it, and say what they do", async () => {
    const { page } = worker;
    const focused = () => page.evaluate("document.activeElement.id");
    // From source the style sheet is bundled otherwise than in a binary.
    const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    await page.evaluate("document.activeElement.blur()");
    await page.keyboard.press("?");
    expect(await page.locator("#help").isVisible()).toBe(true);
    // A key that is meant for the page does nothing below a dialog.
    await page.keyboard.press("/");
    expect(await focused()).not.toBe("story-id");
    await page.keyboard.press("Escape");
    expect(await page.locator("#help").isVisible()).toBe(false);
    await page.keyboard.press("/");
    expect(await focused()).toBe("story-id");
    // A key is a letter in a field.
    await page.fill("#story-id", "");
    await page.keyboard.press("t");
    expect(await page.locator("#story-id").inputValue()).toBe("t");
    await page.evaluate("document.activeElement.blur()");
    await page.keyboard.press("t");
    expect(await paper()).toBe("rgb(19, 20, 22)");
    await page.keyboard.press("t");
    expect(await paper()).toBe("rgb(246, 245, 242)");
    await page.keyboard.press("7");
    await seen("the last section", async () => {
      const place = await page.locator("#windows").boundingBox();
      return place !== null && place.y < (page.viewportSize()?.height ?? 0);
    });
  });

  test("an action is refused without a token, and done with it", async () => {
    const { page } = worker;
    const lane = page.locator('[data-lane="fallback"]');
    await lane.getByRole("button", { name: "drain" }).click();
    await page.fill('[name="who"]', "ana");
    await page.fill('[name="why"]', "a test");
    await page.click("#decision-do");
    await seen("the refusal", async () =>
      (await text(page, "#decision-answer")).includes("Authorization: Bearer"),
    );
    await page.fill('[name="token"]', TOKEN);
    await page.click("#decision-do");
    await seen("drained", async () => (await lane.innerText()).includes("drained"));
    // The token is nowhere but in memory.
    const kept = await page.evaluate(
      "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])",
    );
    expect(kept).not.toContain(TOKEN);
    await lane.getByRole("button", { name: "automatic" }).click();
    expect(await page.locator("#token-field").isVisible()).toBe(false);
    await page.fill('[name="who"]', "ana");
    await page.fill('[name="why"]', "the test is over");
    await page.click("#decision-do");
    await seen("as usual", async () => (await lane.locator(".mode").isVisible()) === false);
    expect(await lane.locator(".changes").innerText()).toContain("drained → auto");
  });

  test("through an API it is read-only, and its stream is live", async () => {
    const { page, complaints, strangers } = await openPage(
      browser,
      `${stand.gateway.url}/dashboard`,
      { viewport: PHONE, colorScheme: "dark" },
    );
    await seen("live", async () => (await text(page, "#state")) === "live");
    await seen("a rate", async () => (await text(page, "#figure-accepted .value")) !== "–");
    await seen("no actions", async () => (await text(page, "#access")).includes("Read-only here"));
    expect(await page.locator(".operator-only:visible").count()).toBe(0);
    expect(await page.locator("#open-list:visible").count()).toBe(0);
    await page.fill("#story-id", troubled);
    await page.keyboard.press("Enter");
    await seen("its story", async () => (await page.locator("ol.story li").count()) > 2);
    // Nothing is wider than a phone.
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(PHONE.width);
    expect({ complaints, strangers }).toEqual({ complaints: [], strangers: [] });
    await page.context().close();
  });

  test.skipIf(WHY_NO_HAPROXY !== null)(`through HAProxy too${NO_HAPROXY}`, async () => {
    await using balancer = await startHaproxy(stand);
    const { page, complaints, strangers } = await openPage(browser, `${balancer.url}/dashboard`);
    const up = '[data-lane="default"] dl div:nth-child(4) dd';
    await seen("live", async () => (await text(page, "#state")) === "live");
    await seen("a lane", async () => (await page.locator(up).count()) === 1);
    const before = await text(page, up);
    await seen("more is settled", async () => (await text(page, up)) !== before);
    await seen("read-only", async () => (await text(page, "#access")).includes("Read-only"));
    for (const target of ["/open-payments", "/operator/processors", "/dashboard/gameday"]) {
      expect((await fetch(balancer.url + target)).status).toBe(404);
    }
    expect({ complaints, strangers }).toEqual({ complaints: [], strangers: [] });
    await page.context().close();
  });

  test("a window is summed and drawn, and its files are the same figures", async () => {
    const { page } = worker;
    await page.click('[data-last-s="0"]');
    await seen("a sum", async () => (await text(page, "#window-note")).includes("one point for"));
    const href = await page.locator("#window-csv").getAttribute("href");
    const csv = await (await fetch(new URL(href as string, page.url()))).text();
    expect(csv).toStartWith("at,default_payments,default_amount");
    await page.fill("#window-from", "2001-01-01T00:00:00");
    await page.fill("#window-to", "2001-01-02T00:00:00");
    await page.locator("#window-form").getByRole("button", { name: "Show" }).click();
    await seen("nothing", async () =>
      (await text(page, "#window-note")).includes("No payment of this window is settled."),
    );
  });

  test("it says when its connection is lost, and finds it again", async () => {
    const { page, complaints, strangers } = worker;
    const pid = stand.pidOf("worker");
    process.kill(pid, "SIGSTOP");
    try {
      await seen("lost", async () => await page.locator("#lost").isVisible());
      expect(await text(page, "#lost")).toMatch(/^Connection lost\. These figures are from \d\d:/);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await seen("found", async () => (await page.locator("#lost").isVisible()) === false);
    expect({ complaints, strangers }).toEqual({ complaints: [], strangers: [] });
  });
});
