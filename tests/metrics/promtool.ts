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
/** Pages by the job that scrapes them, or by `job:instance`; null is a process that does not answer. */
export type Pages = Readonly<Record<string, string | null>>;

/**
 * Names the rules that would fire, given their time, while it goes on like this: gauges stay as they
 * are on the pages, counters rise as they did since the earlier ones. Clocks stand still meanwhile.
 */
export async function firing(
  rules: readonly Rule[],
  pages: Pages,
  earlier: Pages = pages,
): Promise<string[]> {
  using directory = temporaryDirectory();
  const now = String(Date.now() / 1_000);
  const dated = rules.map((rule) => ({ ...rule, expr: rule.expr.replaceAll("time()", now) }));
  const expr = "count by (alertname) (ALERTS)";
  const test = {
    interval: "1m",
    input_series: Object.keys(pages).flatMap((target) => {
      return seriesOf(target, pages[target] ?? null, earlier[target] ?? null);
    }),
    promql_expr_test: [{ expr, eval_time: "10m", exp_samples: [] }],
  };
  const path = (name: string) => join(directory.path, name);
  await Bun.write(path("rules.json"), JSON.stringify({ groups: [{ name: "all", rules: dated }] }));
  const tests = { rule_files: ["rules.json"], evaluation_interval: "1m", tests: [test] };
  await Bun.write(path("test.json"), JSON.stringify(tests));
  const { code, said } = await promtool(["test", "rules", path("test.json")]);
  const names = Array.from(said.matchAll(/\{alertname="(\w+)"\}/g), ([, name]) => name!);
  if ((code === 0) !== (names.length === 0)) throw new Error(said);
  return names.toSorted();
}

/** Writes a page as series that go on as they are, with the labels of a scrape. */
function seriesOf(target: string, page: string | null, earlier: string | null) {
  const [job = "", instance = `${job}:1`] = target.split(":");
  const scraped = `job="${job}", instance="${instance}"`;
  const up = { series: `up{${scraped}}`, values: `${page === null ? 0 : 1}x10` };
  if (page === null) return [up];
  const before = samplesOf(earlier ?? page);
  const rising = new Set(
    Array.from(page.matchAll(/^# TYPE (\w+) (?:counter|histogram)$/gm), ([, name]) => name),
  );
  const series = Array.from(samplesOf(page), ([sample, value]) => {
    const [, name = "", labels] = /^(\w+)(?:\{(.*)\})?$/.exec(sample) as RegExpExecArray;
    const isRising = rising.has(name) || rising.has(name.replace(/_(bucket|sum|count)$/, ""));
    // A process that was started since counts from 0 again.
    const since = Number(value) - Number(before.get(sample) ?? 0);
    const step = isRising ? (since < 0 ? Number(value) : since) : 0;
    const all = `${labels === undefined ? "" : `${labels}, `}${scraped}`;
    return {
      series: `${name}{${all}}`,
      values: step === 0 ? `${value}x10` : `${value}+${step}x10`,
    };
  });
  return [up, ...series];
}

function samplesOf(page: string): Map<string, string> {
  const samples = page.matchAll(/^(papaleguas_\w+(?:\{.*\})?) (\S+)$/gm);
  return new Map(Array.from(samples, ([, sample, value]) => [sample!, value!]));
}
