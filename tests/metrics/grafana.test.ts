/** Holds the Grafana dashboard and the metrics' form against the metrics of running processes. */
import { beforeAll, afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import dashboard from "../../docs/grafana.json";
import { run } from "../../testing/process.ts";
import { processorsAt, siteFor, Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";
import type { AuditReport } from "../../shared/http-api/audit.ts";

const PROMTOOL = Bun.which("promtool");
const NO_PROMTOOL =
  PROMTOOL === null ? " (skipped: promtool, of Debian's prometheus, is not here)" : "";

type Target = { readonly expr: string; readonly legendFormat: string };
const targets: readonly Target[] = dashboard.panels.flatMap(
  (panel) => (panel as { readonly targets?: Target[] }).targets ?? [],
);

let stack: Stack;
/** Names of a metric's labels, by its name. */
const exposed = new Map<string, ReadonlySet<string>>();
let apiMetrics = "";
let workerMetrics = "";

beforeAll(async () => {
  stack = new Stack(await siteFor({ env: { JOURNAL_SYNC: "off", PROCESSOR_TIMEOUT_MS: "100" } }));
  const urls = stack.processors.map(({ url }) => url);
  stack.configure({ PROCESSORS: processorsAt(urls, ";audit-token=123") });
  await stack.startAll();
  const { gateway } = stack;
  await until("the gateway is ready", 20_000, () => gateway.isReady());
  for (let payment = 0; payment < 3; payment++) {
    expect(await gateway.pay(crypto.randomUUID(), 1_990)).toBe(202);
  }
  await until("all of it is audited", 20_000, async () => {
    const answer = await gateway.ask("/audit");
    // The worker has no report yet in its first moments.
    if (!answer.ok) return false;
    const { processors } = (await answer.json()) as AuditReport;
    const count = processors.reduce((sum, { ours }) => sum + ours.count, 0);
    return count === 3 && processors.every(({ state }) => state === "equal");
  });
  apiMetrics = await gateway.metrics();
  workerMetrics = await stack.workerHttp.metrics();
  for (const [, name = "", labels = ""] of apiMetrics.matchAll(/^(\w+)(?:\{([^}]*)\})? /gm)) {
    const names = Array.from(labels.matchAll(/(\w+)="/g), ([, label]) => label as string);
    exposed.set(name, new Set([...(exposed.get(name) ?? []), ...names]));
  }
}, 60_000);

afterAll(() => stack[Symbol.asyncDispose]());

/** Names of metrics in a query, each with the labels that it asks that metric for. */
function usedBy({ expr, legendFormat }: Target): Map<string, Set<string>> {
  const everywhere = [
    ...Array.from(expr.matchAll(/\bby \(([^)]*)\)/g), ([, list = ""]) => list.split(/,\s*/)).flat(),
    ...Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, label]) => label as string),
  ];
  const used = new Map<string, Set<string>>();
  for (const [, name = "", matchers = ""] of expr.matchAll(/\b(papaleguas_\w+)(?:\{([^}]*)\})?/g)) {
    const labels = Array.from(matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g), ([, label]) => label!);
    used.set(name, new Set([...labels, ...everywhere]));
  }
  return used;
}

test("every query asks for metrics and labels that running processes have", () => {
  expect(targets.length).toBeGreaterThan(20);
  const missing: string[] = [];
  for (const target of targets) {
    const used = usedBy(target);
    expect([target.expr, used.size > 0]).toEqual([target.expr, true]);
    for (const [name, labels] of used) {
      const there = exposed.get(name);
      if (there === undefined) missing.push(name);
      for (const label of labels)
        if (there?.has(label) === false) missing.push(`${name}{${label}}`);
    }
  }
  expect(missing).toEqual([]);
});

test("a metric, a label and a legend that do not exist would be noticed", () => {
  const target = { expr: 'sum by (le) (rate(papaleguas_a{b=~"c"}[1m]))', legendFormat: "{{d}}" };
  expect([...usedBy(target)]).toEqual([["papaleguas_a", new Set(["b", "le", "d"])]]);
  expect(exposed.has("papaleguas_a")).toBe(false);
});

test("every metric is on the dashboard", () => {
  const shown = new Set(targets.flatMap((target) => [...usedBy(target).keys()]));
  const family = (name: string) => name.replace(/_(bucket|sum|count)$/, "");
  const families = new Set([...shown].map(family));
  // The receive buffer is read back from the kernel once, and does not move.
  families.add("papaleguas_link_receive_buffer_bytes");
  expect([...exposed.keys()].filter((name) => !families.has(family(name)))).toEqual([]);
});

test("panels do not overlap, and have names and units", () => {
  const cells = new Set<string>();
  for (const { gridPos, title, id } of dashboard.panels) {
    expect([id, title.length > 0]).toEqual([id, true]);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect([title, cells.has(`${x} ${y}`)]).toEqual([title, false]);
        cells.add(`${x} ${y}`);
      }
    }
  }
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

async function promtool(args: string[], input: string) {
  const { code, out, err } = await run([PROMTOOL as string, ...args], { input });
  return { code, said: out + err };
}

test.skipIf(PROMTOOL === null)(`promtool finds nothing in the metrics${NO_PROMTOOL}`, async () => {
  for (const text of [apiMetrics, workerMetrics]) {
    expect(text.length).toBeGreaterThan(1_000);
    expect(await promtool(["check", "metrics"], text)).toEqual({ code: 0, said: "" });
  }
  // The check would find something, were there anything.
  const bad = "# TYPE a_total gauge\na_total 1\n";
  expect((await promtool(["check", "metrics"], bad)).code).not.toBe(0);
});

test.skipIf(PROMTOOL === null)(`promtool can read every query${NO_PROMTOOL}`, async () => {
  const rules = targets.map(({ expr }, index) => ({
    record: `query:${index}`,
    expr: expr.replaceAll("$__rate_interval", "1m").replaceAll("$processor", ".*"),
  }));
  const path = join(stack.site.dataDir, "rules.json");
  const check = async (all: typeof rules) => {
    await Bun.write(path, JSON.stringify({ groups: [{ name: "dashboard", rules: all }] }));
    return promtool(["check", "rules", path], "");
  };
  expect(await check(rules)).toMatchObject({ code: 0 });
  expect((await check([{ record: "bad", expr: "rate(" }])).code).not.toBe(0);
});
