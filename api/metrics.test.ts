import { describe, expect, spyOn, test } from "bun:test";
import packageJson from "../package.json";
import { commitIn } from "../shared/version.ts";
import { ROOT } from "../testing/programs.ts";
import { PAYMENT, runApi, startFakeWorker, type RunningApi } from "./server.fixture.ts";

/** Families of metrics that an API has of its own. */
const OWN_METRICS = 10;

type Family = { readonly type: string; readonly samples: Map<string, number> };

/** Parses the text format strictly: every sample belongs to the family above it, none stands twice. */
function parse(text: string): Map<string, Family> {
  expect(text).toEndWith("\n");
  const families = new Map<string, Family>();
  let current = "";
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const type = /^# TYPE (\w+) (\w+)$/.exec(line);
    if (type !== null) {
      const [, name = "", kind = ""] = type;
      expect(families.has(name)).toBe(false);
      families.set(name, { type: kind, samples: new Map() });
      current = name;
    } else if (!line.startsWith("# HELP ")) {
      const sample = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line);
      const [, name = "", value = ""] = sample ?? [];
      expect(name).toStartWith(current);
      expect(families.get(current)?.samples.has(name)).toBe(false);
      families.get(current)?.samples.set(name, Number(value));
    }
  }
  return families;
}

async function metricsOf(api: RunningApi): Promise<Map<string, Family>> {
  const response = await api.call("GET", "/metrics");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
  return parse(await response.text());
}

function sampleOf(families: Map<string, Family>, name: string, labels = ""): number | undefined {
  return families.get(name.replace(/_(bucket|count|sum)$/, ""))?.samples.get(name + labels);
}

describe("metrics", () => {
  test("count requests by route and code, with no route of the client's making", async () => {
    await using api = runApi();
    await api.pay(PAYMENT);
    await api.pay(PAYMENT);
    await api.pay("{}");
    await api.call("DELETE", "/payments");
    await api.call("GET", "/a");
    await api.call("GET", "/b");
    await api.call("GET", "/payments/1");
    await api.call("GET", "/payments/2");
    await api.call("GET", "/dashboard/x");
    const { samples } = (await metricsOf(api)).get("papaleguas_api_requests_total")!;
    const of = (route: string, code: number) =>
      samples.get(`papaleguas_api_requests_total{route="${route}",code="${code}"}`);
    expect(of("/payments", 202)).toBe(2);
    expect(of("/payments", 400)).toBe(1);
    expect(of("/payments", 405)).toBe(1);
    expect(of("other", 404)).toBe(2);
    expect(of("/payments/{correlationId}", 503)).toBe(2);
    expect(of("/dashboard", 503)).toBe(1);
    expect(samples.size).toBe(6);
    const again = (await metricsOf(api)).get("papaleguas_api_requests_total")!;
    expect(again.samples.get(`papaleguas_api_requests_total{route="/metrics",code="200"}`)).toBe(1);
    expect(again.samples.get(`papaleguas_api_requests_total{route="/payments",code="202"}`)).toBe(
      2,
    );
    expect(again.samples.size).toBe(7);
  });

  test("count verdicts by kind, with those that did not come", async () => {
    await using api = runApi();
    for (const kind of ["stored", "stored", "duplicate", "conflict", "invalid"] as const) {
      api.link.verdict = () => ({ kind });
      await api.pay(PAYMENT);
    }
    api.link.verdict = () => ({ kind: "busy", retryAfterMs: 1 });
    await api.pay(PAYMENT);
    api.link.verdict = () => null;
    await api.pay(PAYMENT);
    await metricsOf(api);
    const families = await metricsOf(api);
    const of = (kind: string) =>
      sampleOf(families, "papaleguas_api_verdicts_total", `{kind="${kind}"}`);
    const kinds = ["stored", "duplicate", "conflict", "busy", "invalid", "timeout"];
    expect(kinds.map(of)).toEqual([2, 1, 1, 1, 1, 1]);
  });

  test("show how long payments take that were handed over, and only those", async () => {
    await using api = runApi();
    await api.pay(PAYMENT);
    await api.pay(PAYMENT);
    await api.pay("{}");
    const families = await metricsOf(api);
    const name = "papaleguas_api_accept_seconds";
    expect(families.get(name)?.type).toBe("histogram");
    expect(sampleOf(families, `${name}_count`)).toBe(2);
    expect(sampleOf(families, `${name}_bucket`, '{le="+Inf"}')).toBe(2);
    expect(sampleOf(families, `${name}_bucket`, '{le="0.0001"}')).toBeDefined();
    expect(sampleOf(families, `${name}_bucket`, '{le="2.5"}')).toBe(2);
    expect(sampleOf(families, `${name}_sum`)).toBeGreaterThan(0);
    expect(sampleOf(families, `${name}_sum`)).toBeLessThan(5);
  });

  test("measure that in steps that grow by two and a half at most", async () => {
    await using api = runApi();
    const samples = (await metricsOf(api)).get("papaleguas_api_accept_seconds")?.samples.keys();
    const bounds = Array.from(samples ?? [], (name) => /le="([\d.]+)"/.exec(name)?.[1])
      .filter((bound) => bound !== undefined)
      .map(Number);
    expect(bounds.length).toBeGreaterThan(10);
    for (const [i, bound] of bounds.slice(1).entries()) {
      const growth = bound / (bounds[i] as number);
      expect(growth).toBeGreaterThan(1);
      expect(growth).toBeLessThanOrEqual(2.500001);
    }
  });

  test("leave out what cannot be read, as without a descriptor, and show the rest", async () => {
    await using api = runApi();
    using rss = spyOn(process.memoryUsage, "rss");
    rss.mockImplementation(() => {
      throw new Error("Failed to get memory usage");
    });
    const families = await metricsOf(api);
    expect(sampleOf(families, "papaleguas_api_resident_memory_bytes")).toBeUndefined();
    expect(sampleOf(families, "papaleguas_api_worker_answering")).toBe(1);
  });

  test("show what it was built of", async () => {
    await using api = runApi();
    const labels = `{version="${packageJson.version}",commit="${commitIn(ROOT)}",bun="${Bun.version}"}`;
    const families = await metricsOf(api);
    expect(sampleOf(families, "papaleguas_build_info", labels)).toBe(1);
    expect(sampleOf(families, "papaleguas_api_build_info", labels)).toBe(1);
  });

  test("show the resident memory and whether the worker answers", async () => {
    await using api = runApi();
    api.link.answering = false;
    const families = await metricsOf(api);
    expect(sampleOf(families, "papaleguas_api_worker_answering")).toBe(0);
    expect(sampleOf(families, "papaleguas_api_resident_memory_bytes")).toBeGreaterThan(1e6);
  });

  test("show what goes over the link, what is sent again and what is not believed", async () => {
    await using api = runApi();
    const families = await metricsOf(api);
    const frames = "papaleguas_api_link_frames_total";
    expect(sampleOf(families, frames, '{direction="sent"}')).toBe(5);
    expect(sampleOf(families, frames, '{direction="sent again"}')).toBe(2);
    expect(sampleOf(families, frames, '{direction="received"}')).toBe(4);
    expect(sampleOf(families, "papaleguas_api_link_drops_total", '{reason="mac"}')).toBe(3);
  });

  test("of two APIs in one process are their own", async () => {
    await using one = runApi();
    await using other = runApi();
    await one.pay(PAYMENT);
    const stored = async (api: RunningApi) =>
      sampleOf(await metricsOf(api), "papaleguas_api_verdicts_total", '{kind="stored"}');
    expect(await stored(one)).toBe(1);
    expect(await stored(other)).toBe(0);
  });

  test("are those of this process alone, whatever the worker would say", async () => {
    await using worker = startFakeWorker(() => new Response("papaleguas_backlog 3\n"));
    await using api = runApi(worker.url);
    const names = [...(await metricsOf(api)).keys()];
    expect(names).toHaveLength(OWN_METRICS);
    const ours = names.filter((name) => !name.startsWith("papaleguas_api_"));
    expect(ours).toEqual(["papaleguas_build_info"]);
    expect(worker.seen).toEqual([]);
  });
});
