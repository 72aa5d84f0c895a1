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
const DESKTOP = { width: 1360, height: 1160 };
const PHONE = { width: 390, height: 844 };
/** Time after which a blackout that begins anew every minute is over and still shown in full. */
const WATCHED_MS = 57_000;

const directory = process.argv[2] === undefined ? DOCS : resolve(process.argv[2]);

/** Finds a payment that waited for a processor, or was refused by one. */
async function interestingId(worker: string): Promise<string> {
  type Listed = { payments: { correlationId: string; attempts: number }[] };
  let id: string | undefined;
  await until("a payment is in trouble", WATCHED_MS, async () => {
    const answer = await fetch(`${worker}/open-payments?limit=50`);
    const { payments } = (await answer.json()) as Listed;
    id = payments.find(({ attempts }) => attempts >= 2)?.correlationId;
    return id !== undefined;
  });
  return id as string;
}

async function picture(
  browser: Browser,
  { url, id, name }: { url: string; id: string; name: string },
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
  await page.screenshot({ path: `${directory}/${name}.png`, fullPage });
  await page.context().close();
}

await using stand = await startStand({
  args: ["--scenario", "blackout"],
  env: { ADMIN_TOKEN: "secret", PATIENCE_MS: "8000" },
});
const startedAtMs = performance.now();
const worker = stand.workerUrl;
const id = await interestingId(worker);
await Bun.sleep(WATCHED_MS - (performance.now() - startedAtMs));
await until("it is settled", 10_000, async () => {
  return (await stand.gateway.stateOf(id)) === "settled";
});
const browser = await launch();
const url = `http://127.0.0.1:${stand.ports.DASHBOARD_PORT}/dashboard`;
const of = (name: string, from = url) => ({ url: from, id, name });
const light = { viewport: DESKTOP, colorScheme: "light" } as const;
const dark = { viewport: DESKTOP, colorScheme: "dark" } as const;
await picture(browser, of("dashboard-light"), light, false);
await picture(browser, of("dashboard-dark"), dark, false);
if (directory !== DOCS) {
  const phone = { viewport: PHONE, deviceScaleFactor: 2 };
  const outside = `${stand.gateway.url}/dashboard`;
  await picture(browser, of("dashboard-light-whole"), light, true);
  await picture(browser, of("dashboard-dark-whole"), dark, true);
  await picture(browser, of("dashboard-phone", outside), { ...phone, colorScheme: "light" }, true);
  await picture(
    browser,
    of("dashboard-phone-dark", outside),
    { ...phone, colorScheme: "dark" },
    false,
  );
}
await browser.close();
