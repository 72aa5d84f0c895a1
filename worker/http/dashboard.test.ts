import { describe, expect, test } from "bun:test";
import { problemOf } from "../../shared/problem.fixture.ts";
import type { Curve } from "../../shared/http-api/dashboard.ts";
import { bucketMsOf } from "./curve.ts";
import { runHttp } from "./server.fixture.ts";

const EXAMPLE = "2026-01-31T09:30:00Z or 2026-01-31T06:30:00-03:00";
const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const AT_MS = Date.UTC(2026, 0, 1, 12);
const BYTES_MAX = 150 * 1_024;
const at = (ms: number) => new Date(AT_MS + ms).toISOString();

describe("the page", () => {
  test("comes with all that it needs, from here only, in fewer than 150 KB", async () => {
    await using http = runHttp();
    const page = await http.call("GET", "/dashboard");
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const html = await page.text();
    const files = [...html.matchAll(/\b(?:src|href)="([^"#]+)"/g)].map(
      ([, path]) => path as string,
    );
    const ours = files.filter((path) => !path.startsWith("data:"));
    expect(ours.length).toBe(2);
    let bytes = html.length;
    for (const path of ours) {
      expect(path).toMatch(/^\/dashboard\/chunk-[a-z0-9]+\.(js|css)$/);
      const file = await http.call("GET", path);
      expect(file.status).toBe(200);
      expect(file.headers.get("cache-control")).toContain("immutable");
      bytes += (await file.arrayBuffer()).byteLength;
    }
    expect(bytes).toBeLessThan(BYTES_MAX);
    // The policy would refuse these.
    expect(html).not.toMatch(/\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)|<style|https?:/);
  });

  test.each(["/dashboard", "/dashboard/", "/dashboard/curve", "/dashboard/nothing"])(
    "%s has a strict policy",
    async (path) => {
      await using http = runHttp();
      const { headers } = await http.call("GET", path);
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
    },
  );

  test("has nothing beside its files", async () => {
    await using http = runHttp();
    const answer = await http.call("GET", "/dashboard/../livez.js");
    expect(answer.status).toBe(404);
    expect((await http.call("GET", "/dashboard/gameday")).status).toBe(404);
    expect((await http.call("POST", "/dashboard")).status).toBe(405);
  });
});

describe("the curve of a window", () => {
  test("adds up to its summary", async () => {
    await using http = runHttp();
    for (let n = 0; n < 3_000; n++) http.ledger.append(AT_MS + n * 137, 100 + n, n % 2);
    const window = `from=${at(5_000)}&to=${at(300_000)}`;
    const curve = (await (await http.call("GET", `/dashboard/curve?${window}`)).json()) as Curve;
    expect(curve).toMatchObject({ bucketMs: 1_000, processors: ["default", "fallback"] });
    expect(curve.buckets.length).toBeLessThanOrEqual(300);
    const summary = (await (
      await http.call("GET", `/payments-summary?${window}`)
    ).json()) as Record<string, { totalRequests: number; totalAmount: number }>;
    for (const [i, name] of curve.processors.entries()) {
      const sum = (column: "counts" | "cents") =>
        curve.buckets.reduce((all, bucket) => all + (bucket[column][i] as number), 0);
      expect(sum("counts")).toBe(summary[name]!.totalRequests);
      expect(sum("cents") / 100).toBeCloseTo(summary[name]!.totalAmount, 2);
    }
  });

  test("ends, where it is open, with the payments", async () => {
    await using http = runHttp();
    http.ledger.append(AT_MS + 61_000, 100, 1);
    http.ledger.append(AT_MS + 500, 100, 1);
    const curve = (await (await http.call("GET", "/dashboard/curve")).json()) as Curve;
    expect(curve).toMatchObject({ from: at(500), to: at(61_000), processors: ["fallback"] });
    expect(curve.buckets.at(-1)).toEqual({ at: at(61_000), counts: [1], cents: [100] });
    expect(curve.buckets).toHaveLength(62);
  });

  test("is empty without payments", async () => {
    await using http = runHttp();
    const curve = await (await http.call("GET", "/dashboard/curve")).json();
    expect(curve).toEqual({
      from: null,
      to: null,
      bucketMs: 0,
      processors: [],
      buckets: [],
      money: null,
    });
  });

  test("is CSV for whoever asks for it", async () => {
    await using http = runHttp();
    http.ledger.append(AT_MS, 1_990, 0);
    for (const init of [
      { target: "?format=csv" },
      { target: "", headers: { accept: "text/csv" } },
    ]) {
      const answer = await http.call("GET", `/dashboard/curve${init.target}`, init);
      expect(answer.headers.get("content-type")).toStartWith("text/csv");
      expect(await answer.text()).toBe(
        `at,default_payments,default_amount\r\n${at(0)},1,19.90\r\n`,
      );
    }
  });

  test.each([
    ["from=yesterday", `from is not an ISO 8601 instant such as ${EXAMPLE}: "yesterday"`],
    ["format=xml", "format is one of json, csv."],
  ])("refuses %s", async (query, detail) => {
    await using http = runHttp();
    const answer = await http.call("GET", `/dashboard/curve?${query}`);
    expect(answer.status).toBe(400);
    expect(await problemOf(answer)).toBe(detail);
  });

  test("has at most 300 buckets, however long the window is", () => {
    for (let spanMs = 0; spanMs < 1e13; spanMs = spanMs * 1.7 + 900) {
      const window = { fromMs: AT_MS + 123, toMs: AT_MS + 123 + spanMs };
      const widthMs = bucketMsOf(window);
      const count = Math.floor(window.toMs / widthMs) - Math.floor(window.fromMs / widthMs) + 1;
      expect(count).toBeLessThanOrEqual(300);
    }
  });
});

describe("without a token", () => {
  const stories = {
    list: async () => '{"payments":[],"more":false}',
    ages: async () => '{"states":[],"complete":true}',
    story: async (id: string, reader: string) => JSON.stringify({ id, reader }),
    openByProcessor: async () => new Map<string, number>(),
    lastWord: async () => null,
  };
  const operator = {
    journal: { payment: async () => null },
    stories,
    operate: () => {
      throw new Error("nobody may operate");
    },
    webhooks: null,
  };
  const settings = { ADMIN_TOKEN: ["secret"] as const };

  test("a story is what everybody may read of it", async () => {
    await using http = runHttp({ operator, settings });
    const answer = await http.call("GET", `/dashboard/payments/${ID.toUpperCase()}`);
    expect(await answer.json()).toEqual({ id: ID, reader: "public" });
    expect((await http.call("GET", "/dashboard/payments/x")).status).toBe(404);
  });

  test("open payments are listed on this listener, and counted below /dashboard", async () => {
    await using http = runHttp({ operator, settings });
    expect(await (await http.call("GET", "/open-payments")).json()).toHaveProperty("payments");
    expect(await (await http.call("GET", "/dashboard/open")).json()).toHaveProperty("states");
    expect((await http.call("GET", "/open-payments?limit=0")).status).toBe(400);
  });

  test("nothing is decided", async () => {
    await using http = runHttp({ operator, settings });
    const hold = await http.call("POST", `/operator/payments/${ID}/hold`, { body: "{}" });
    expect(hold.status).toBe(401);
  });
});
