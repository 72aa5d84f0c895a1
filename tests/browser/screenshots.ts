/**
 * Takes pictures of the dashboard, for the README and to be looked at: `bun tests/browser/screenshots.ts
 * [DIR]`. A gateway of its own goes through a blackout while payments come; then it is as it is. Writes
 * dashboard-light.png and dashboard-dark.png into `docs`; into another folder also what a phone shows.
 */
import { resolve } from "node:path";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { startStand } from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";
import { launch, openPage } from "./chromium.ts";

const DOCS = resolve(import.meta.dir, "../../docs");
const DESKTOP = { width: 1360, height: 1440 };
const PHONE = { width: 390, height: 844 };
/** A blackout begins anew every minute; a busy machine may have to see two. */
const WATCHED_MS = 120_000;
type Theme = "light" | "dark";

const directory = process.argv[2] === undefined ? DOCS : resolve(process.argv[2]);

/** Finds a payment that waited for a processor, or was refused by one. */
async function interestingId(worker: string): Promise<string> {
  type Listed = { payments: { correlationId: string; attempts: number }[] };
  let id: string | undefined;
  await until(
    "a payment is in trouble",
    async () => {
      const answer = await fetch(`${worker}/open-payments?limit=50`);
      const { payments } = (await answer.json()) as Listed;
      id = payments.find(({ attempts }) => attempts >= 2)?.correlationId;
      return id !== undefined;
    },
    WATCHED_MS,
  );
  return id as string;
}

/** Takes pictures of one page, by the theme that each is of. */
async function pictures(
  browser: Browser,
  { url, id, names }: { url: string; id: string; names: Partial<Record<Theme, string>> },
  options: BrowserContextOptions,
  fullPage: boolean,
): Promise<void> {
  const { page } = await openPage(browser, url, options);
  await page.fill("#story-id", id);
  await page.keyboard.press("Enter");
  await page.click('[data-last-s="300"]');
  await page.locator("ol.story li").first().waitFor();
  await page.locator("#audit-list tbody tr").first().waitFor();
  await page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)");
  await page.mouse.move(0, 0);
  await Bun.sleep(1_500);
  for (const [colorScheme, name] of Object.entries(names) as [Theme, string][]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${directory}/${name}.png`, fullPage });
  }
  await page.context().close();
}

/** Waits until the blackout is over: nothing is broken, and what had waited has gone. */
async function untilHealed(worker: string): Promise<void> {
  type Live = { lanes: { breaker: string }[]; backlog: { open: number } };
  await until(
    "it has healed",
    async () => {
      const live = (await (await fetch(`${worker}/dashboard/live?once`)).json()) as Live;
      const isClosed = live.lanes.every(({ breaker }) => breaker === "closed");
      return isClosed && live.backlog.open < 20;
    },
    WATCHED_MS,
  );
}

await using stand = await startStand({
  args: ["--scenario", "blackout"],
  env: { ADMIN_TOKEN: "secret", PATIENCE_MS: "8000" },
});
const worker = stand.workerUrl;
const id = await interestingId(worker);
await until(
  "it is settled",
  async () => {
    return (await stand.gateway.stateOf(id)) === "settled";
  },
  WATCHED_MS,
);
await untilHealed(worker);
const browser = await launch();
const url = `http://127.0.0.1:${stand.ports.DASHBOARD_PORT}/dashboard`;
const names = { light: "dashboard-light", dark: "dashboard-dark" };
await pictures(browser, { url, id, names }, { viewport: DESKTOP }, false);
if (directory !== DOCS) {
  const whole = { light: "dashboard-light-whole", dark: "dashboard-dark-whole" };
  await pictures(browser, { url, id, names: whole }, { viewport: DESKTOP }, true);
  const phone = { viewport: PHONE, deviceScaleFactor: 2 };
  const outside = { url: `${stand.gateway.url}/dashboard`, id };
  const held = { light: "dashboard-phone", dark: "dashboard-phone-dark" };
  await pictures(browser, { ...outside, names: held }, phone, true);
}
await browser.close();
