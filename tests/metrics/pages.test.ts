/** Holds alerts, dashboard and the metrics' form against the pages of running processes, each its own. */
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import dashboard from "../../docs/grafana.json";
import type { AuditReport } from "../../shared/http-api/audit.ts";
import { run } from "../../testing/process.ts";
import { fromSource, ROOT } from "../../testing/programs.ts";
import { processorsAt, siteFor, Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";
import { WebhookReceiver } from "../../testing/webhook-receiver.ts";
import { anchorsOf } from "../tidy/links.ts";
import { firing, IS_MISSING, NOTE, promtool } from "./promtool.ts";
import { addShown, asked, missing, type Asked } from "./queries.ts";

const DOCS = join(ROOT, "docs");

type Target = { readonly expr: string; readonly legendFormat: string };
const targets = dashboard.panels.flatMap(
  (panel) => (panel as { readonly targets?: Target[] }).targets ?? [],
);

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
};
type Rules = { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
type RuleTest = {
  readonly promql_expr_test: readonly {
    readonly expr: string;
    readonly exp_samples: readonly { readonly labels: string }[];
  }[];
};
const readYaml = async (name: string) => Bun.YAML.parse(await Bun.file(join(DOCS, name)).text());
const rules = ((await readYaml("alerts.yml")) as Rules).groups.flatMap((group) => group.rules);

/** Pages by the job that scrapes them. */
const pages = { "papa-leguas-api": "", "papa-leguas-worker": "" };
const shown: Asked = new Map();

beforeAll(async () => {
  const site = await siteFor({ env: { JOURNAL_SYNC: "off", PROCESSOR_TIMEOUT_MS: "100" } });
  await using stack = new Stack(site);
  const urls = stack.processors.map(({ url }) => url);
  await using receiver = new WebhookReceiver();
  stack.configure({ PROCESSORS: processorsAt(urls, ";audit-token=123"), ...receiver.env });
  await stack.startAll();
  const { gateway } = stack;
  await until("the gateway is ready", () => gateway.isReady());
  for (let payment = 0; payment < 3; payment++) {
    expect(await gateway.pay(crypto.randomUUID(), 1_990)).toBe(202);
  }
  await until("all of it is audited", async () => {
    const answer = await gateway.ask("/audit");
    // The worker has no report yet in its first moments.
    if (!answer.ok) return false;
    const { processors } = (await answer.json()) as AuditReport;
    const count = processors.reduce((sum, { ours }) => sum + ours.count, 0);
    return count === 3 && processors.every(({ state }) => state === "equal");
  });
  const copy = join(stack.site.dataDir, "copy.db");
  const backup = fromSource("worker.ts", "backup", copy);
  expect(await run(backup, { env: stack.worker.env })).toMatchObject({ code: 0 });
  pages["papa-leguas-api"] = await gateway.metrics();
  pages["papa-leguas-worker"] = await stack.workerHttp.metrics();
  for (const page of Object.values(pages)) addShown(shown, page);
});

describe("the pages", () => {
  test("have no metric in common but what each was built of", () => {
    const names = Object.values(pages).map((page) => {
      const all: Asked = new Map();
      addShown(all, page);
      return new Set(all.keys());
    });
    const [api, worker] = names as [Set<string>, Set<string>];
    expect([...api.intersection(worker)]).toEqual(["papaleguas_build_info"]);
    expect(worker.size).toBeGreaterThan(25);
  });

  test.skipIf(IS_MISSING)(`have nothing that promtool finds${NOTE}`, async () => {
    for (const page of Object.values(pages)) {
      expect(page.length).toBeGreaterThan(1_000);
      expect(await promtool(["check", "metrics"], page)).toEqual({ code: 0, said: "" });
    }
    // The check would find something, were there anything.
    const bad = "# TYPE a_total gauge\na_total 1\n";
    expect((await promtool(["check", "metrics"], bad)).code).not.toBe(0);
  });

  test("a metric, a label and a legend that do not exist would be noticed", () => {
    const used = asked('sum by (le, job) (rate(papaleguas_a{b=~"c"}[1m]))', "{{d}} {{instance}}");
    expect([...used]).toEqual([["papaleguas_a", new Set(["b", "le", "d"])]]);
    expect(missing(used, new Map())).toEqual(["papaleguas_a"]);
    const there = new Map([["papaleguas_a", new Set(["b", "le"])]]);
    expect(missing(used, there)).toEqual(["papaleguas_a{d}"]);
  });
});

describe("the dashboard of Grafana", () => {
  const used = targets.map(({ expr, legendFormat }) => asked(expr, legendFormat));

  test("asks for metrics and labels that are there", () => {
    expect(targets.length).toBeGreaterThan(20);
    for (const [i, { expr }] of targets.entries()) {
      expect([expr, used[i]!.size > 0]).toEqual([expr, true]);
      expect([expr, missing(used[i]!, shown)]).toEqual([expr, []]);
    }
  });

  test("shows every metric", () => {
    const family = (name: string) => name.replace(/_(bucket|sum|count)$/, "");
    const families = new Set(used.flatMap((each) => [...each.keys()].map(family)));
    // The receive buffer is read back from the kernel once, and does not move.
    families.add("papaleguas_link_receive_buffer_bytes");
    // It is what papaleguas_build_info is.
    families.add("papaleguas_api_build_info");
    expect([...shown.keys()].filter((name) => !families.has(family(name)))).toEqual([]);
  });

  test("has panels that do not overlap, with names and units", () => {
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

  test.skipIf(IS_MISSING)(`shows something in every panel${NOTE}`, async () => {
    const absent = (expr: string, i: number) => ({ alert: `Panel${i}`, expr: `absent(${expr})` });
    const queries = targets.map(({ expr }) =>
      expr.replaceAll("$__rate_interval", "5m").replaceAll("$processor", ".*"),
    );
    expect(await firing(queries.map(absent), pages)).toEqual([]);
    // The two have no instance in common.
    const empty = ["papaleguas_backlog / papaleguas_api_worker_answering"];
    expect(await firing(empty.map(absent), pages)).toEqual(["Panel0"]);
  });
});

describe("every alert", () => {
  const each = test.each(rules.map((rule) => [rule.alert, rule] as const));

  each("%s asks for metrics and labels that are there", (_, { expr, annotations }) => {
    expect(missing(asked(expr, annotations.summary), shown)).toEqual([]);
    expect(expr).toMatch(/papaleguas_|up\{/);
  });

  test("has its time, its severity, a summary and a place where it says what to do", async () => {
    const anchors = anchorsOf(await Bun.file(join(DOCS, "OPERATIONS.md")).text());
    const places = new Set(anchors.map((anchor) => `docs/OPERATIONS.md#${anchor}`));
    expect(rules.length).toBeGreaterThan(20);
    for (const { alert, for: time, labels, annotations } of rules) {
      expect([alert, time]).toEqual([alert, expect.stringMatching(/^\d+[smhd]$/)]);
      expect(["critical", "warning", "info"]).toContain(labels.severity);
      expect(annotations.summary).toEndWith(".");
      expect([alert, places.has(annotations.runbook)]).toEqual([alert, true]);
    }
  });

  test("is in the table for people, and the table has no other", async () => {
    const text = await Bun.file(join(DOCS, "OPERATIONS.md")).text();
    const named = Array.from(text.matchAll(/`(PapaLeguas\w+)`/g), ([, name]) => name!);
    expect(named.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  });

  test("has a test in which nothing fires first, and it does then", async () => {
    const { tests } = (await readYaml("alerts.test.yml")) as { tests: readonly RuleTest[] };
    const looks = tests.map(({ promql_expr_test }) =>
      promql_expr_test.map(({ expr, exp_samples: samples }) => {
        expect(expr).toBe('count by (alertname, severity) (ALERTS{alertstate="firing"})');
        return samples.map(({ labels }) => /"(\w+)"/.exec(labels)?.[1] ?? "");
      }),
    );
    for (const [before, , ...more] of looks) expect([before, more]).toEqual([[], []]);
    const fired = [...new Set(looks.flat(2))];
    expect(fired.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  });

  test.skipIf(IS_MISSING)(`does in promtool what its test says${NOTE}`, async () => {
    const config = await promtool(["check", "config", join(DOCS, "prometheus.yml")]);
    expect(config).toMatchObject({ code: 0 });
    const tested = await promtool(["test", "rules", join(DOCS, "alerts.test.yml")]);
    expect(tested).toMatchObject({ code: 0 });
  });

  test.skipIf(IS_MISSING)(`is silent while all is well${NOTE}`, async () => {
    expect(await firing(rules, pages)).toEqual([]);
    const uncopied = pages["papa-leguas-worker"].replace(/^(papaleguas_backup_\w+) .*$/m, "$1 0");
    const ages = { ...pages, "papa-leguas-worker": uncopied };
    expect(await firing(rules, ages)).toEqual(["PapaLeguasBackupOld"]);
    const ill = { ...pages, "papa-leguas-api": "papaleguas_api_worker_answering 0\n" };
    expect(await firing(rules, ill)).toEqual(["PapaLeguasWorkerSilent"]);
  });
});
