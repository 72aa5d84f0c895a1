/** Wherever a version is shown, it is that of package.json, with the commit where there is one. */
import { expect, test } from "bun:test";
import packageJson from "../../package.json";
import { commitIn } from "../../shared/version.ts";
import { ROOT } from "../../testing/programs.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";

const { version } = packageJson;
const build = { version, commit: commitIn(ROOT), bun: Bun.version };

test("processes, metrics, documents and the page say one version", async () => {
  await using stack = new Stack(await siteFor({ env: { JOURNAL_SYNC: "off" } }));
  await stack.startAll();
  await until("the gateway is ready", () => stack.gateway.isReady());
  for (const { name, lines } of stack.services) {
    const said = lines.find((line) => /"msg":"(starting|listening)"/.test(line));
    expect([name, JSON.parse(said ?? "{}")]).toMatchObject([name, build]);
  }

  const labels = `{version="${version}",commit="${build.commit}",bun="${build.bun}"} 1\n`;
  const metrics = await stack.gateway.metrics();
  expect(metrics).toContain(`papaleguas_api_build_info${labels}`);
  for (const each of [metrics, await stack.workerHttp.metrics()]) {
    expect(each).toContain(`\npapaleguas_build_info${labels}`);
  }

  for (const { url } of [stack.gateway, stack.workerHttp]) {
    const document = await (await fetch(`${url}/openapi.json`)).json();
    expect(document).toMatchObject({ info: { version } });
  }

  const page = await (await fetch(`${stack.gateway.url}/dashboard/`)).text();
  const [script = ""] = /\/dashboard\/chunk-\w+\.js/.exec(page) ?? [];
  const text = await (await fetch(stack.gateway.url + script)).text();
  expect(text).toContain(version);
  // The page has nothing else of package.json.
  expect(text).not.toContain("oxlint");
});

test("where there is no repository the commit is unknown, whatever is around it", () => {
  using directory = temporaryDirectory();
  expect(commitIn(directory.path)).toBe("unknown");
  expect(commitIn(import.meta.dir)).toBe("unknown");
});
