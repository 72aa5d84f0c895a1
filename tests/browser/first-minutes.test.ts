/** Runs the README's first five minutes, as a new user has them: its own commands, on a clean clone. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { devSettings } from "../../dev/settings.ts";
import { freeStandPorts } from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";
import { NOT_OURS } from "../tidy/tree.ts";
import { launch, openPage, WHY_NOT } from "./chromium.ts";
import { countBusyTime } from "../../testing/proc.ts";
import { Child } from "../../testing/process.ts";

const ROOT = resolve(import.meta.dir, "../..");
const COMMANDS_MAX = 3;
/** Time from the first command until the outage has healed. */
const HEALED_MS_MAX = 120_000;
const TEST_MS_MAX = 400_000;
setDefaultTimeout(TEST_MS_MAX);
const STOP_MS_MAX = 60_000;

const missing = ["git", "npx"].find((name) => Bun.which(name) === null);
const whyNot = WHY_NOT ?? (missing === undefined ? null : `skipped: there is no ${missing}`);
const note = whyNot === null ? "" : ` (${whyNot})`;

async function chapter(): Promise<{ commands: string[]; text: string }> {
  const readme = await Bun.file(join(ROOT, "README.md")).text();
  const text = /^## First five minutes\n([\s\S]*?)^## /m.exec(readme)?.[1] ?? "";
  const block = /```sh\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
  return { text, commands: block.trim().split("\n") };
}

/** Makes a repository to clone of this tree as it stands, whether it is committed or not. */
async function repositoryAt(path: string): Promise<void> {
  for (const name of await readdir(ROOT)) {
    if (!NOT_OURS.has(name)) await cp(join(ROOT, name), join(path, name), { recursive: true });
  }
  const git = (...args: string[]) => Bun.$`git ${args}`.cwd(path).quiet();
  await git("init", "--quiet");
  await git("add", "--all");
  const author = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
  await git(...author, "commit", "--quiet", "--no-gpg-sign", "--message", "as it stands");
}

test("they are at most three commands, and the address is that of the default port", async () => {
  const { commands, text } = await chapter();
  expect(commands.length).toBeLessThanOrEqual(COMMANDS_MAX);
  expect(commands[0]).toStartWith("git clone");
  expect(text).toContain(`<http://localhost:${devSettings.DASHBOARD_PORT.default}/dashboard>`);
});

describe.skipIf(whyNot !== null)(`the README's first five minutes${note}`, () => {
  let place: string;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), "papa-leguas-first-"));
    await repositoryAt(join(place, "repository"));
  });

  afterAll(() => rm(place, { recursive: true, force: true }), TEST_MS_MAX);

  test("an outage comes and heals before one's eyes, in less than two minutes", async () => {
    const { commands } = await chapter();
    const ports = Object.entries(await freeStandPorts());
    const { DATA_DIR: _, ...outer } = process.env;
    const startedAtMs = performance.now();
    const busyMs = countBusyTime();
    let said = "";
    // The shell has a session of its own, which gets what a terminal sends on Ctrl-C.
    await using shell = new Child({
      command: ["sh", "-ec", commands.join("\n")],
      cwd: place,
      env: {
        ...outer,
        ...Object.fromEntries(ports.map(([name, port]) => [name, String(port)])),
        REPOSITORY: join(place, "repository"),
      },
      onLine: (line) => (said += `${line}\n`),
    });
    shell.start();
    const browser = await launch();
    try {
      const seen = (what: string, condition: () => Promise<boolean> | boolean) =>
        until(what, async () => await condition(), HEALED_MS_MAX);
      const address = () => /^ {2}dashboard (http:\S+)/m.exec(said)?.[1];
      await seen("it is up", () => {
        if (!shell.isRunning) throw new Error(`it ended:\n${said}`);
        return said.includes("Ctrl-C stops everything.");
      });
      const { page, complaints, strangers } = await openPage(browser, address() as string);
      const breakerIs = async (name: string, state: string) =>
        (await page.locator(`[data-lane="${name}"]`).getAttribute("data-breaker")) === state;
      const backlog = async () =>
        Number((await page.innerText("#figure-backlog .value")).replaceAll(/\D/g, ""));
      await seen("the first figures", async () => (await page.locator(".lane").count()) === 2);
      await seen("default fails", () => breakerIs("default", "open"));
      expect(await page.innerText('[data-lane="default"] .changes')).toMatch(
        /closed → open\s+(500|its health reading)/,
      );
      await seen("fallback is away", () => breakerIs("fallback", "open"));
      expect(await page.innerText("#verdict")).toStartWith("No processor can be used");
      await seen("payments wait", async () => (await backlog()) > 100);
      await seen("default is back", () => breakerIs("default", "closed"));
      await seen("nothing waits", async () => (await backlog()) === 0);
      expect(performance.now() - startedAtMs - busyMs(HEALED_MS_MAX)).toBeLessThan(HEALED_MS_MAX);
      await page.click("#gameday-follow");
      await page.locator("ol.story li.good").waitFor();
      expect({ complaints, strangers }).toEqual({ complaints: [], strangers: [] });
    } finally {
      await browser.close();
      process.kill(-shell.pid, "SIGINT");
      const force = setTimeout(() => process.kill(-shell.pid, "SIGKILL"), STOP_MS_MAX);
      await shell.ended;
      clearTimeout(force);
    }
    expect(said).toContain("everything is stopped");
  });
});
