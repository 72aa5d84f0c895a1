/** Tests game day: `dev --scenario`, the page's buttons, and that nothing of it is anywhere else. */
import { describe, expect, test } from "bun:test";
import { startStand, spawnStand } from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";
import { launch, NO_CHROMIUM, openPage, WHY_NOT } from "./chromium.ts";

describe.skipIf(WHY_NOT !== null)(`game day in a browser${NO_CHROMIUM}`, () => {
  test("a scenario is watched, and another one chosen", async () => {
    await using stand = await startStand({ args: ["--scenario", "flap"] });
    const browser = await launch();
    try {
      const address = `http://127.0.0.1:${stand.ports.DASHBOARD_PORT}/dashboard`;
      const { page, complaints, strangers } = await openPage(browser, address);
      const seen = (what: string, condition: () => Promise<boolean>) => until(what, condition);
      const lane = page.locator('[data-lane="default"]');
      const pressed = () => page.locator('#gameday-buttons [aria-pressed="true"]').innerText();
      await seen("the panel", async () => await page.locator("#gameday").isVisible());
      expect(await pressed()).toBe("flap");
      await seen("open", async () => (await lane.getAttribute("data-breaker")) === "open");
      expect(await lane.locator(".changes").innerText()).toMatch(/closed → open\s+\S/);
      await page.locator('[data-scenario="calm"]').click();
      await seen("calm", async () => (await pressed()) === "calm");
      await seen("closed", async () => (await lane.getAttribute("data-breaker")) === "closed");
      const booksAreEqual = async () => {
        const books = await page.locator("#audit-list tbody tr").allInnerTexts();
        return books.length === 2 && books.every((row) => row.includes("equal"));
      };
      await seen("books are equal", booksAreEqual);
      await page.locator("#gameday-follow").click();
      await seen("a story", async () => (await page.locator("ol.story li").count()) > 2);
      const settled = lane.locator("dl div:nth-child(4) dd");
      const count = async () => Number((await settled.innerText()).replaceAll(/\D/g, ""));
      const [killed, before] = [stand.pidOf("worker"), await count()];
      const killedAtMs = Date.now();
      await page.locator("#gameday-kill").click();
      await seen("another worker", async () => stand.pidOf("worker") !== killed);
      await seen("books are equal again", async () => {
        const times = page.locator("#audit-list tbody td:last-child time");
        const at = await times.evaluateAll((all) => all.map((one) => one.getAttribute("datetime")));
        const isNew = at.length === 2 && at.every((one) => Date.parse(one ?? "") > killedAtMs);
        return isNew && (await booksAreEqual());
      });
      await seen("what was settled", async () => (await count()) > before);
      await seen("live", async () => (await page.locator("#state").innerText()) === "live");
      expect({ complaints, strangers }).toEqual({ complaints: [], strangers: [] });
    } finally {
      await browser.close();
    }
  });
});

test("weather is changed by the dashboard of dev, and by nobody else", async () => {
  await using stand = await startStand();
  const at = (port: number) => `http://127.0.0.1:${port}/dashboard/gameday`;
  const { PORT, HTTP_PORT, DASHBOARD_PORT } = stand.ports;
  for (const port of [PORT, HTTP_PORT]) {
    expect((await fetch(at(port))).status).toBe(404);
    expect((await fetch(`${at(port)}/flap`, { method: "POST" })).status).toBe(405);
  }
  const play = (name: string, init: RequestInit = {}) =>
    fetch(`${at(DASHBOARD_PORT)}/${name}`, { method: "POST", ...init });
  expect((await play("flap", { headers: { "sec-fetch-site": "cross-site" } })).status).toBe(403);
  expect((await play("flap", { method: "GET" })).status).toBe(405);
  expect((await play("storm")).status).toBe(404);
  expect((await play("flap?for=60")).status).toBe(400);
  expect((await play("kill", { headers: { "sec-fetch-site": "cross-site" } })).status).toBe(403);
  expect(await (await fetch(at(DASHBOARD_PORT))).json()).toMatchObject({ playing: null });
  const alone = await fetch(new URL("/", at(DASHBOARD_PORT)), { redirect: "manual" });
  expect([alone.status, alone.headers.get("location")]).toEqual([302, "/dashboard"]);
  const summary = `http://127.0.0.1:${DASHBOARD_PORT}/payments-summary`;
  expect(await (await fetch(summary)).json()).toHaveProperty("default");
});

test.each([
  [["--scenario", "storm"], "--scenario is one of contest, flap, blackout, calm (usage: "],
  [["--scenario", "blakout"], "calm; did you mean blackout? (usage: "],
  [["--verbose"], 'there is no option "--verbose" (usage: '],
])("%p is one line and exit 2", async (args, line) => {
  await using stand = await spawnStand({ args });
  expect((await stand.ended).code).toBe(2);
  expect(stand.errors).toEqual([expect.stringContaining(line)]);
});

test("a shop is told of what it has paid by webhooks and by events, also when the worker is killed", async () => {
  await using stand = await startStand({ args: ["--scenario", "flap"] });
  const at = `http://127.0.0.1:${stand.ports.DASHBOARD_PORT}/dashboard/gameday`;
  const counts = async () => {
    const { shop } = (await (await fetch(at)).json()) as { readonly shop: string };
    const found = /202 for (\d+) payments, told of (\d+) .*read of (\d+) at GET/.exec(shop);
    expect(shop).not.toContain("signature");
    return found!.slice(1).map(Number) as [number, number, number];
  };
  const isTold = async (least: number) => (await counts()).every((count) => count >= least);
  await until("some are told", () => isTold(100));
  const before = stand.pidOf("worker");
  expect((await fetch(`${at}/kill`, { method: "POST" })).status).toBe(200);
  await until("another worker", () => stand.pidOf("worker") !== before);
  const [taken] = await counts();
  await until("all of before are told", () => isTold(taken));
  const line =
    /^shop +\| The shop was answered 202 for \d+ payments, .* The newest: [\d.]+ is settled at /;
  await until("the terminal says so", () => stand.lines.some((one) => line.test(one)));
});
