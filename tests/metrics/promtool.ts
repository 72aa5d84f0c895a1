/** Runs promtool, which comes with Debian's prometheus. */
import { join } from "node:path";
import { run } from "../../testing/process.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";

const PROMTOOL = Bun.which("promtool");
export const IS_MISSING = PROMTOOL === null;
export const NOTE = IS_MISSING ? " (skipped: there is no promtool, of Debian's prometheus)" : "";

export async function promtool(args: readonly string[], input = "") {
  const { code, out, err } = await run([PROMTOOL as string, ...args], { input });
  return { code, said: out + err };
}

type Rule = { readonly alert: string; readonly expr: string };

/**
 * Names the rules that would fire, given their time, while pages stay as they are. Pages are by the job
 * that scrapes them.
 */
export async function firing(
  rules: readonly Rule[],
  pages: Readonly<Record<string, string>>,
): Promise<string[]> {
  using directory = temporaryDirectory();
  const expr = "count by (alertname) (ALERTS)";
  const test = {
    interval: "1m",
    input_series: Object.entries(pages).flatMap(([job, page]) => seriesOf(page, job)),
    promql_expr_test: [{ expr, eval_time: "10m", exp_samples: [] }],
  };
  const path = (name: string) => join(directory.path, name);
  await Bun.write(path("rules.json"), JSON.stringify({ groups: [{ name: "all", rules }] }));
  const tests = { rule_files: ["rules.json"], evaluation_interval: "1m", tests: [test] };
  await Bun.write(path("test.json"), JSON.stringify(tests));
  const { code, said } = await promtool(["test", "rules", path("test.json")]);
  const names = Array.from(said.matchAll(/\{alertname="(\w+)"\}/g), ([, name]) => name!);
  if ((code === 0) !== (names.length === 0)) throw new Error(said);
  return names;
}

/** Writes a page as series that stay as they are, with the labels of a scrape. */
function seriesOf(page: string, job: string) {
  const scraped = `job="${job}", instance="${job}:1"`;
  const samples = page.matchAll(/^(papaleguas_\w+)(?:\{(.*)\})? (\S+)$/gm);
  const series = Array.from(samples, ([, name, labels, value]) => ({
    series: `${name}{${labels === undefined ? "" : `${labels}, `}${scraped}}`,
    values: `${value}x10`,
  }));
  return [{ series: `up{${scraped}}`, values: "1x10" }, ...series];
}
