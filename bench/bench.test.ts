import { expect, test } from "bun:test";
import { AGAINST } from "./against.ts";
import {
  Checks,
  differenceOf,
  intervalOf,
  median,
  rowOf,
  shownBy,
  verdictOf,
  type Row,
  type Target,
} from "./benchmark.ts";
import { readResponse } from "./load/response.ts";
import { SUITE } from "./suite.ts";
import * as cluster from "./system/cluster.ts";
import * as largeCluster from "./system/large-cluster.ts";
import * as scale from "./system/scale.ts";
import { figureText, tableOf } from "./table.ts";
import { WHY_NO_HAPROXY } from "../testing/haproxy.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../testing/postgres.ts";
import { run } from "../testing/process.ts";
import { fromSource } from "../testing/programs.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

const ECHO_ROWS = [
  "bare 202",
  "echo",
  ...["", ", processors unreachable", ", no HAProxy, one API"].map((how) => `ours${how}`),
].flatMap((what) => ["p50", "p99", "CPU a payment"].map((figure) => `users: ${what}, ${figure}`));

/** Figures that others build on; a row that goes missing or changes its name is noticed here. */
const ROWS = [
  "accept: bare, parsed",
  ...["normal", "full"].flatMap((sync) => [
    `accept: ${sync}, settling later`,
    `whole payments: ${sync}`,
  ]),
  ...(WHY_NO_HAPROXY === null ? [...ECHO_ROWS, "parts: CPU a payment"] : []),
  ...["normal", "full"].flatMap((what) =>
    ["p50", "p99", "p99.9"].map((percentile) => `latency at 1000/s: ${what}, ${percentile}`),
  ),
  ...["p50", "p99"].map((percentile) => `50 dashboards at 1000/s: ${percentile}`),
  "settle: delay 0 ms",
  "settle: delay 100 ms",
  "outage: drained, nobody at the door",
  "outage: latency at 1000/s while it drains, p99",
  "link loses 10 %, 1000/s: p99",
  ...["api", "worker"].map((what) => `memory: ${what}`),
  ...["worker", "api"].map((what) => `idle: CPU a second, ${what}`),
  ...["1 million", "10 million"].map((size) => `start: ${size} settled`),
  "accept: 10 million in the journal",
  ...["10 million settled", "20 summaries a second", "100 dashboards"].map(
    (what) => `latency at 1000/s: ${what}, p99`,
  ),
  ...["anywhere", "following", "one processor", "settled", "oldest"].map(
    (what) => `pages of 100: ${what}, p99`,
  ),
  "walk of all pages of 1000",
  "export while payments come",
  "audit: 3 among 20000",
  ...["summary", "summary of 16 million"].flatMap((summary) =>
    ["everything", "the last 15 s but 1.5 s"].map((what) => `${summary}: ${what}`),
  ),
  "ledger: append",
  ...["full", "normal", "off"].flatMap((sync) =>
    [1, 16, 64, 256].map((batch) => `journal: ${sync}, batch of ${batch}`),
  ),
  "journal: CPU of a whole payment, batch of 16",
  "link: encode 1 payment",
  "link: decode 24 payments",
  ...["maps", "records"].map((mode) => `link: encode 24 payments, against ${mode}`),
  "link: MAC of a full frame",
  "request: check a good body",
  "router: choose, full",
  "breaker: admit + record",
  "queue: take + push, 1000 long",
];

async function bench(...args: string[]) {
  const { code, out, err } = await run(fromSource("bench/run.ts", ...args));
  return { exitCode: code, stdout: out, stderr: err };
}

test("every benchmark runs, checks its answers and leaves nothing behind", async () => {
  using directory = temporaryDirectory();
  using journals = temporaryDirectory();
  const json = directory.file("rows.json");
  const { exitCode, stdout, stderr } = await bench(
    "--quick",
    "--json",
    json,
    "--dir",
    journals.path,
  );
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  const { rows, machine } = (await Bun.file(json).json()) as { rows: Row[]; machine: object };
  const names = rows.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
  expect(ROWS.filter((name) => !names.includes(name))).toEqual([]);
  expect(rows.filter(({ checks }) => checks < 1)).toEqual([]);
  expect(rows.filter(({ figure }) => !(figure > 0 && Number.isFinite(figure)))).toEqual([]);
  expect(rows.filter(({ ratio }) => ratio !== null && !(ratio > 0))).toEqual([]);
  expect(new Set(rows.map((row) => verdictOf(row, true)))).toEqual(new Set(["–"]));
  for (const name of names) expect(stdout).toContain(name);
  expect(machine).toMatchObject({ bun: Bun.version });
  expect([...new Bun.Glob("**").scanSync({ cwd: journals.path, onlyFiles: false })]).toEqual([]);
}, 300_000);

test("another revision is measured by turns and side by side, and every answer is checked", async () => {
  using journals = temporaryDirectory();
  const context = { quick: true, runs: 1, dist: null, directory: journals.path };
  const parts = AGAINST.filter(({ name }) => !name.startsWith("full"));
  const rows = (await Promise.all(parts.map((part) => part.run(context, null)))).flat();
  const names = rows.map(({ name }) => name);
  expect(names).toContain("normal at once: whole payments");
  expect(names).toContain("a contest's load, side by side: p50, the first 0.5 s");
  expect(rows.filter(({ checks }) => checks < 1)).toEqual([]);
  expect(rows.filter(({ ratio }) => !(ratio !== null && ratio > 0))).toEqual([]);
});

test.skipIf(WHY_NO_POSTGRES !== null)(
  `several workers are measured over a database with standbys${NO_POSTGRES}`,
  async () => {
    using journals = temporaryDirectory();
    const context = { quick: true, runs: 1, dist: null, directory: journals.path };
    const rows = [...(await cluster.run(context)), ...(await largeCluster.run(context))];
    const measured = ["accepted", "whole payments", "CPU of the workers", "CPU of the primary"];
    expect(rows.map(({ name }) => name)).toEqual(
      [
        ...["1 worker", "2 workers"].flatMap((who) => measured.map((what) => `${who}, ${what}`)),
        ...["start", "take-over", "summary"].map((what) => `10 million, ${what}`),
      ].map((what) => `cluster: ${what}`),
    );
    expect(rows.filter(({ checks }) => checks < 1)).toEqual([]);
    expect(rows.filter(({ figure }) => !(figure > 0))).toEqual([]);
  },
);

test("what grows is measured at three sizes", async () => {
  using journals = temporaryDirectory();
  const rows = await scale.run({ quick: true, runs: 1, dist: null, directory: journals.path });
  const measured = [
    "start",
    "summary of any window",
    "summary beyond that",
    "status of any payment",
  ];
  const kept = ["page of 100, anywhere", "memory of the worker", "disk"];
  expect(rows.map(({ name }) => name)).toEqual(
    ["1 million", "10 million", "100 million"].flatMap((size) =>
      [...measured, ...kept].map((what) => `${size}: ${what}`),
    ),
  );
  expect(rows.filter(({ checks }) => checks < 1)).toEqual([]);
  expect(rows.filter(({ figure }) => !(figure > 0))).toEqual([]);
});

test("turns that do not agree are no difference", () => {
  expect(differenceOf([0.9, 1.2])).toBe("no difference, turns 0.90 1.20");
  expect(differenceOf([0.8, 0.9])).toBe("turns 0.80 0.90");
  expect(differenceOf([1.1, 1.2])).toBe("turns 1.10 1.20");
});

const UP_TO = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

test("a median's interval is the binomial's, and none with fewer than six values", () => {
  expect(intervalOf(UP_TO(5))).toBeNull();
  expect(intervalOf(UP_TO(6))).toEqual([1, 6]);
  expect(intervalOf(UP_TO(9))).toEqual([2, 8]);
  expect(intervalOf(UP_TO(40).toReversed())).toEqual([14, 27]);
});

test("a ratio is met or missed by the whole interval, and else not shown", () => {
  const checks = new Checks();
  checks.equal("one", 1, 1);
  const target: Target = { op: ">=", value: 0.97, of: "ratio" };
  const verdict = (figures: readonly number[]) => {
    const baselines = figures.map(() => 1);
    return verdictOf(rowOf("a", "/s", { figures, baselines }, checks, "", [target]), false);
  };
  expect(verdict([0.98, 0.99, 1, 1, 1, 1.1])).toBe("met");
  expect(verdict([0.9, 0.99, 1, 1, 1, 1.1])).toBe("not shown");
  expect(verdict([0.9, 0.91, 0.9, 0.8, 0.9, 0.96])).toBe("missed");
  expect(verdict([0.9, 1, 1])).toBe("met");
  expect(shownBy([0.9, 1, 1, 1, 1, 1.02], 0.03)).toBe(
    "the median lies between 0.900 and 1.020, 24 turns for ±0.03",
  );
});

test("flags that make no sense are one line and exit 2", async () => {
  for (const args of [
    ["--runs", "0"],
    ["--only", "no such benchmark"],
    ["--only", "("],
  ]) {
    const { exitCode, stderr } = await bench(...args);
    expect({ exitCode, lines: stderr.trim().split("\n").length }).toEqual({
      exitCode: 2,
      lines: 1,
    });
  }
});

test("benchmarks have names of their own", () => {
  const names = SUITE.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test("a wrong answer ends a benchmark", () => {
  const checks = new Checks();
  checks.equal("one", { a: 1 }, { a: 1 });
  expect(() => checks.equal("two", 1, 2)).toThrow("two: 1, and not 2");
  expect(checks.count).toBe(2);
});

test("a row needs a figure and a checked answer", () => {
  const checks = new Checks();
  expect(() => rowOf("a", "ns", { figures: [1] }, checks, "")).toThrow("no answer was checked");
  checks.equal("answer", 1, 1);
  expect(() => rowOf("a", "ns", { figures: [] }, checks, "")).toThrow("nothing was measured");
});

test("a ratio says how many times as fast, for rates and for spans", () => {
  const checks = new Checks();
  checks.equal("answer", 1, 1);
  const of = (unit: "/s" | "ns") =>
    rowOf("a", unit, { figures: [10, 20, 30], baselines: [10, 10, 10] }, checks, "");
  expect(of("/s")).toMatchObject({ figure: 20, baseline: 10, ratio: 2, spread: 0.5 });
  expect(of("ns")).toMatchObject({ figure: 20, baseline: 10, ratio: 0.5 });
  expect(tableOf([of("ns")], false)).toContain(
    "a    |  20 ns |    10 ns |  0.5× |      – | –       | ; ±50 %",
  );
});

test("a verdict says whether every target of a row is met, and nothing of tiny sizes", () => {
  const checks = new Checks();
  checks.equal("answer", 1, 1);
  const series = { figures: [20], baselines: [10] };
  const row = (...targets: Target[]) => rowOf("a", "ns", series, checks, "", targets);
  const short: Target = { op: "<=", value: 20, of: "figure" };
  const fast: Target = { op: ">=", value: 0.6, of: "ratio" };
  expect(verdictOf(row(), false)).toBe("–");
  expect(verdictOf(row(short), false)).toBe("met");
  expect(verdictOf(row(fast), false)).toBe("missed");
  expect(verdictOf(row(short, fast), false)).toBe("missed");
  expect(verdictOf(row(short), true)).toBe("–");
  expect(tableOf([row(short, fast)], false)).toContain("| ≤ 20 ns, ≥ 0.6× | missed  |");
  expect(() => rowOf("a", "ns", { figures: [1] }, checks, "", [fast])).toThrow("no baseline");
});

test("the median of an even number lies between", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
});

test("figures are read at a glance", () => {
  expect(figureText(84_123, "/s")).toBe("84 100/s");
  expect(figureText(12.345, "ns")).toBe("12.3 ns");
  expect(figureText(1_234, "ns")).toBe("1.23 µs");
  expect(figureText(0.4567, "ms")).toBe("0.457 ms");
});

test("answers are read from their first byte to their last", () => {
  const whole = Buffer.from("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno");
  expect(readResponse(whole)).toEqual({ status: 503, bytes: whole.length });
  for (let cut = 0; cut < whole.length; cut++)
    expect(readResponse(whole.subarray(0, cut))).toBeNull();
  expect(() => readResponse(Buffer.from("HTTP/1.1 200 OK\r\n\r\n"))).toThrow("Content-Length");
  expect(() => readResponse(Buffer.from("garbage\r\n\r\n"))).toThrow("not an answer");
});
