/** Starts a real browser, where there is one. */
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const PATH = Bun.which("chromium") ?? Bun.which("chromium-browser");
export const WHY_NOT = PATH === null ? "skipped: there is no chromium" : null;
/** End of the name of tests that need it. */
export const NO_CHROMIUM = WHY_NOT === null ? "" : ` (${WHY_NOT})`;

const SWITCHES = [
  "--headless",
  // Tests run as root in containers, and open nothing but pages of their own.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch(): Promise<Browser> {
  if (PATH === null) throw new Error("there is no chromium");
  return chromium.launch({ executablePath: PATH, args: SWITCHES });
}

/** Ends a wait of a page for what never comes. */
const WAIT_MS_MAX = 60_000;

/** A page, and everything about it that should not be. */
export type Watched = {
  readonly page: Page;
  /** Errors of the page itself, and requests that its policy refused. */
  readonly complaints: string[];
  /** Addresses outside its origin that it asked for. */
  readonly strangers: string[];
};

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(WAIT_MS_MAX);
  const watched: Watched = { page, complaints: [], strangers: [] };
  page.on("pageerror", ({ message }) => watched.complaints.push(message));
  page.on("console", (message) => {
    // The console takes an answer of 401 or 404 for an error; here it is an answer.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isAnswer) watched.complaints.push(message.text());
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    const isOurs = origin === new URL(url).origin || ["data:", "blob:"].includes(protocol);
    if (!isOurs) watched.strangers.push(request.url());
  });
  await page.goto(url);
  return watched;
}
