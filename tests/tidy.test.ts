import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import {
  argumentComplaints,
  connectionComplaints,
  escapeComplaints,
  lengthComplaints,
  limitComplaints,
  nameComplaints,
  openingComplaints,
  PURE_CORES,
  purityComplaints,
  startComplaints,
  STARTERS,
  zoneComplaints,
} from "./tidy/habits.ts";
import {
  circleComplaints,
  faceComplaints,
  importsOf,
  layerComplaints,
  stageComplaints,
  threadComplaints,
} from "./tidy/layers.ts";
import { anchorsOf, linkComplaints, linksOf } from "./tidy/links.ts";
import { mentionComplaints } from "./tidy/mentions.ts";
import { isTest, readTree, type Source } from "./tidy/tree.ts";

const tree = await readTree(resolve(import.meta.dir, ".."));
const typescript = tree.code.filter(({ path }) => path.endsWith(".ts"));
const sources = typescript.filter(({ path }) => !isTest(path));

const file = (path: string, text: string): Source => ({ path, text });
const importing = (path: string, ...specifiers: string[]): Source =>
  file(path, specifiers.map((name) => `import { x } from "${name}";\n`).join(""));

test("the tree is read", () => {
  expect(tree.paths).toContain("tests/tidy/tree.ts");
  expect(tree.paths).toContain("package.json");
  expect(tree.paths).toContain(".ci/run");
  expect(tree.paths).toContain("shared");
  expect([...tree.paths].filter((path) => path.startsWith("node_modules"))).toEqual([]);
  expect(sources.map(({ path }) => path)).toContain("shared/payment.ts");
  expect(sources.map(({ path }) => path)).not.toContain("tests/tidy.test.ts");
});

describe("imports", () => {
  test("of every form are found, those in comments are not", () => {
    const text = `
      import a from "./a.ts";
      import type { B } from "./b.ts";
      import {
        c,
        d,
      } from "../c.ts";
      export * from "./e.ts";
      export { f } from './f.ts';
      import "./g.css";
      const h = await import("./h.ts");
      // import x from "./x.ts";
      /* import y from "./y.ts"; */
      import pino from "pino";
    `;
    const found = ["a.ts", "b.ts", "e.ts", "f.ts", "g.css", "h.ts"].map(
      (name) => `api/part/${name}`,
    );
    expect(importsOf(file("api/part/z.ts", text)).sort()).toEqual(["api/c.ts", ...found].sort());
  });

  test("go one way between the folders", () => {
    expect(sources.flatMap(layerComplaints)).toEqual([]);
  });

  test("that go the wrong way are refused", () => {
    const wrong = [
      importing("shared/money.ts", "../worker/ledger.ts"),
      importing("api/routes.ts", "../worker/journal.ts"),
      importing("worker/http.ts", "../api/routes.ts"),
      importing("worker/queue/heap.ts", "../../worker.ts"),
      importing("simulator/processor.ts", "../bench/run.ts"),
      file("shared/log.ts", 'import type { Row } from "../worker/ledger.ts";'),
      importing("worker/queue.ts", "../testing/random.ts"),
      importing("testing/stack.ts", "../worker/journal.ts"),
    ];
    for (const source of wrong) expect(layerComplaints(source)).toHaveLength(1);
    const right = [
      importing("shared/link/udp.ts", "./frame.ts", "../clock.ts", "node:dns"),
      importing("api/routes.ts", "../shared/payment.ts", "./parse.ts"),
      importing("bench/run.ts", "../worker/ledger.ts", "../api/parse.ts"),
      importing("dev/child.ts", "../testing/process.ts"),
      importing("worker.ts", "./worker/pipeline.ts", "./shared/link.ts"),
    ];
    expect(right.flatMap(layerComplaints)).toEqual([]);
  });

  test("do not go from stage to stage of the worker", () => {
    expect(sources.flatMap(stageComplaints)).toEqual([]);
  });

  test("from stage to stage are refused", () => {
    const wrong = [
      importing("worker/queue.ts", "./ledger.ts"),
      importing("worker/router/policy.ts", "../queue.ts"),
      importing("worker/router.ts", "./processor/http.ts"),
      importing("worker/ledger.ts", "./pipeline.ts"),
      importing("worker/payment.ts", "./journal.ts"),
      importing("worker/http.ts", "./http-thread.ts"),
      importing("worker/journal/checkpoint-thread.ts", "../ledger.ts"),
    ];
    for (const source of wrong) expect(stageComplaints(source)).toHaveLength(1);
    const right = [
      importing("worker/router.ts", "./router/breaker.ts", "./payment.ts", "../shared/clock.ts"),
      importing("worker/router/policy.ts", "./breaker.ts", "../payment.ts"),
      importing("worker/pipeline.ts", "./journal.ts", "./queue.ts", "./router.ts"),
      importing("worker/http-thread.ts", "./summary.ts", "./http.ts"),
      importing("worker.ts", "./worker/pipeline.ts", "./worker/queue.ts"),
    ];
    expect(right.flatMap(stageComplaints)).toEqual([]);
  });
});

describe("circles", () => {
  test("of imports there are none, those of types included", () => {
    expect(circleComplaints(typescript)).toEqual([]);
  });

  test("are found, whoever is read first", () => {
    const circle = [
      importing("a.ts", "./b.ts"),
      importing("b.ts", "./c.ts"),
      importing("c.ts", "./b.ts"),
    ];
    expect(circleComplaints(circle)).toEqual(["a circle of imports: b.ts → c.ts → b.ts"]);
    expect(circleComplaints(circle.toReversed())).toHaveLength(1);
    expect(
      circleComplaints([importing("a.ts", "./b.ts", "./c.ts"), importing("b.ts", "./c.ts")]),
    ).toEqual([]);
  });

  test("begin where a part imports its face", () => {
    expect(sources.flatMap((source) => faceComplaints(source, tree.paths))).toEqual([]);
    const paths = new Set(["worker/pipeline.ts", "worker/router.ts"]);
    const complaints = (path: string, ...to: string[]) =>
      faceComplaints(importing(path, ...to), paths);
    expect(complaints("worker/pipeline/dispatch.ts", "../pipeline.ts")).toHaveLength(1);
    expect(complaints("worker/pipeline/a/b.ts", "../../pipeline.ts")).toHaveLength(1);
    expect(complaints("worker/pipeline/dispatch.ts", "../router.ts", "./pace.ts")).toEqual([]);
  });
});

describe("threads", () => {
  const start = (path: string, reference: string): Source =>
    file(path, `new Worker(new URL("${reference}", import.meta.url).href);`);
  const paths = new Set(["worker/http-thread.ts", "worker/journal/store.ts"]);

  test("stand beside the module that starts them", () => {
    expect(sources.flatMap((source) => threadComplaints(source, tree.paths))).toEqual([]);
    expect(threadComplaints(start("worker/http.ts", "./http-thread.ts"), paths)).toEqual([]);
  });

  test("elsewhere are refused", () => {
    const wrong = [
      start("worker.ts", "./worker/http-thread.ts"),
      start("worker/journal/sqlite.ts", "../http-thread.ts"),
      start("worker/journal/sqlite.ts", "./store.ts"),
      start("worker/http.ts", "./other-thread.ts"),
    ];
    for (const source of wrong) expect(threadComplaints(source, paths)).toHaveLength(1);
  });
});

describe("pure cores", () => {
  const core = (path: string) => PURE_CORES.some((pattern) => new Bun.Glob(pattern).match(path));

  test.each(PURE_CORES)("%s is there", (pattern) => {
    const glob = new Bun.Glob(pattern);
    expect(sources.filter(({ path }) => glob.match(path))).not.toBeEmpty();
  });

  test("hold no clock, chance, timer or network", () => {
    expect(sources.filter(({ path }) => core(path)).flatMap(purityComplaints)).toEqual([]);
  });

  test("that reach for one are refused", () => {
    const impure = [
      "export const now = () => Date.now();",
      "export const now = () => new Date();",
      "export const now = () => performance.now();",
      "export const now = () => Bun.nanoseconds();",
      "export const id = () => crypto.randomUUID();",
      "export const jitter = (ms: number) => ms * Math.random();",
      "export const later = (f: () => void) => setTimeout(f, 1);",
      "export const often = (f: () => void) => setInterval(f, 1);",
      "export const call = () => fetch('http://a');",
    ];
    for (const text of impure) expect(purityComplaints(file("a.ts", text))).toHaveLength(1);
    const pure = [
      "// Date.now() is the caller's\nexport const due = (nowMs: number) => nowMs > 1;",
      "export const at = (ms: number) => new Date(ms).toISOString();",
      "export const call = (io: { fetch(url: string): void }) => io.fetch('http://a');",
    ];
    for (const text of pure) expect(purityComplaints(file("a.ts", text))).toEqual([]);
  });
});

describe("files", () => {
  const lines = (count: number) => "x;\n".repeat(count);

  test("are short", () => {
    expect(tree.code.flatMap(lengthComplaints)).toEqual([]);
  });

  test("that are too long are refused", () => {
    expect(lengthComplaints(file("worker/pipeline.ts", lines(500)))).toEqual([]);
    expect(lengthComplaints(file("worker/pipeline.ts", lines(501)))).toHaveLength(1);
    expect(lengthComplaints(file("worker.ts", lines(80)))).toEqual([]);
    expect(lengthComplaints(file("worker.ts", lines(81)))).toHaveLength(1);
  });

  test("that read instants say in which zone they are", () => {
    expect(sources.flatMap(zoneComplaints)).toEqual([]);
  });

  test("that read an instant in this machine's zone are refused", () => {
    const read = (text: string, path = "worker/audit/theirs.ts") =>
      zoneComplaints(file(path, text));
    expect(read("const at = Date.parse(String(fields.at));")).toHaveLength(1);
    expect(read('const at = Date.parse("2026-01-01T00:00:00");')).toHaveLength(1);
    expect(read("const at = new Date(String(fields.at));")).toHaveLength(1);
    expect(read('const at = Date.parse("0001-01-01T00:00:00Z");')).toEqual([]);
    expect(read("const at = new Date(atMs).toISOString(); // Date.parse(text)")).toEqual([]);
    expect(read("const at = Date.parse(text);", "worker/processor/instant.ts")).toEqual([]);
  });

  test("that are shipped open SQLite files in one way", () => {
    expect(sources.flatMap(connectionComplaints)).toEqual([]);
    const opens = (path: string) =>
      connectionComplaints(file(path, "using db = new Database(path);"));
    expect(opens("commands/doctor.ts")).toHaveLength(1);
    expect(opens("worker/journal/lock.ts")).toHaveLength(1);
    expect(opens("worker/journal/lock.test.ts")).toEqual([]);
    expect(opens("bench/system/export.ts")).toEqual([]);
  });

  test("read a command line in one place", () => {
    expect(sources.flatMap(argumentComplaints)).toEqual([]);
    const reading = `import { parse${"Args"} } from "node:util";`;
    expect(argumentComplaints(file("bench/run.ts", reading))).toHaveLength(1);
    expect(argumentComplaints(file("shared/arguments.ts", reading))).toEqual([]);
  });

  test("start processes by the harness, or are named with a reason", () => {
    expect(typescript.flatMap(startComplaints)).toEqual([]);
  });

  test("that start a process by themselves are refused", () => {
    const starting = (text: string, path = "bench/run.ts") => startComplaints(file(path, text));
    for (const name of ["spawn", "spawnSync"]) {
      expect(starting(`const child = Bun.${name}(["ls"]);`)).toHaveLength(1);
    }
    expect(starting(`import { exec } from "node:child${"_"}process";`)).toHaveLength(1);
    expect(starting(`// Bun.${"spawn"} is for testing/\nrun(["ls"]);`)).toEqual([]);
    expect(starting(`Bun.${"spawn"}(["ls"]);`, "testing/process.ts")).toEqual([]);
    // Every named file still does.
    for (const [path] of STARTERS) {
      const { text } = typescript.find((source) => source.path === path) as Source;
      expect(starting(text)).toHaveLength(1);
    }
  });

  test("have no limit that judges the machine", () => {
    expect(typescript.flatMap(limitComplaints)).toEqual([]);
  });

  test("with a limit below everybody's are refused", () => {
    const limited = (limit: string) =>
      limitComplaints(file("a.test.ts", `test("a", () => {\n}${limit});\n`));
    expect(limited(", 5_000")).toHaveLength(1);
    expect(limited(",\n  20_000,\n")).toHaveLength(1);
    expect(limited(",\n  90_000,\n")).toHaveLength(1);
    expect(limited(", 300_000")).toEqual([]);
    expect(limited("")).toEqual([]);
    const named = 'const WAIT_MS = 60_000;\ntest("a", () => {\n}, WAIT_MS);\n';
    expect(limitComplaints(file("a.test.ts", named))).toHaveLength(1);
    const whole = (limit: string) => file("a.test.ts", `setDefaultTimeout(${limit});\n`);
    expect(limitComplaints(whole("90_000"))).toHaveLength(1);
    expect(limitComplaints(whole("300_000"))).toEqual([]);
  });

  test("have names that say something", () => {
    expect(tree.code.flatMap(nameComplaints)).toEqual([]);
  });

  test("with empty names are refused", () => {
    for (const path of ["api/utils.ts", "worker/helpers/a.ts", "shared/types.ts", "a/util.test.ts"])
      expect(nameComplaints(file(path, ""))).toHaveLength(1);
    expect(nameComplaints(file("worker/utilization.ts", ""))).toEqual([]);
  });

  test("do not switch the types off", () => {
    expect(sources.flatMap(escapeComplaints)).toEqual([]);
  });

  test("that switch the types off are refused", () => {
    const escaping = [
      "const a = b as any;",
      "const a = <any>b;",
      "// @ts-ignore\nconst a = b;",
      "// @ts-nocheck\nconst a = b;",
    ];
    for (const text of escaping) expect(escapeComplaints(file("a.ts", text))).toHaveLength(1);
    expect(escapeComplaints(file("a.ts", "// as any other\nconst a = b as string;"))).toEqual([]);
  });
});

describe("comments", () => {
  const complaints = (text: string) => openingComplaints(file("a.ts", text));

  test("open with their subject", () => {
    expect(tree.code.flatMap(openingComplaints)).toEqual([]);
  });

  test.each([
    "/** Of each processor, its sums. */",
    "/**\n * Whoever waits is told.\n */",
    "// What is left",
    "const a = 1; // By name.",
    "const a = 1; // Sum of all.\n// As the journal has it.",
    "/* Those that wait */",
    "const url = `http://${host}`; // For tests.",
  ])("that open with something else are refused: %s", (text) => {
    expect(complaints(text)).toHaveLength(1);
  });

  test.each([
    "/** Sums of each processor. */",
    "// Share of the drain time. It is small,\n// As long as nobody waits.",
    "/** Oneself. */",
    "const program = `\n// What is embedded\n`;",
    'const text = "// For a string"; // Keeps the newest.',
    "/** Keeps all.\n * Of these the first counts. */",
  ])("that open with their subject are accepted: %s", (text) => {
    expect(complaints(text)).toEqual([]);
  });
});

describe("links", () => {
  test("of every page lead somewhere", () => {
    expect(tree.prose).not.toBeEmpty();
    expect(tree.prose.flatMap((page) => linkComplaints(page, tree))).toEqual([]);
  });

  test("are found in prose, not in code", () => {
    const text = [
      "[a](./a.md#top) and ![b](b.png 'title') and [![c](c.svg)](d.md) and [e][1]",
      "[1]: e.md",
      '<img src="f.png">',
      "`[no](no.md)`",
      "```\n[no](no.md)\n```",
      "[web](https://example.org/a.md) [mail](mailto:a@example.org)",
    ].join("\n");
    expect(linksOf(text)).toEqual(["./a.md#top", "b.png", "c.svg", "d.md", "e.md", "f.png"]);
  });

  test("that lead nowhere are refused", () => {
    const target = file("docs/guide.md", "# Start\n\n## `bun run` & more\n\n## Start\n");
    const paths = new Set([".", "docs", "docs/guide.md", "docs/adr", "README.md", "worker.ts"]);
    expect(anchorsOf(target.text)).toEqual(["start", "bun-run--more", "start-1"]);
    const complaints = (link: string, path = "README.md") =>
      linkComplaints(file(path, `# Top\n[x](${link})`), { paths, prose: [target] });
    expect(complaints("docs/gone.md")).toHaveLength(1);
    expect(complaints("docs/guide.md#gone")).toHaveLength(1);
    expect(complaints("../worker.ts")).toHaveLength(1);
    expect(complaints("docs/guide.md#start-1")).toEqual([]);
    expect(complaints("docs/adr/")).toEqual([]);
    expect(complaints("../worker.ts", "docs/other.md")).toEqual([]);
    expect(complaints("/worker.ts", "docs/other.md")).toEqual([]);
  });
});

describe("files that are named", () => {
  const complaints = (path: string, text: string) => {
    const page = file("docs/PROTOCOL.md", "# Protocol\n\n## Who is `who`\n");
    const names = ["worker.ts", "worker/ledger.ts", "worker/ledger/totals.ts", "docs/PROTOCOL.md"];
    return mentionComplaints(file(path, text), { paths: new Set(names), prose: [page] });
  };

  test("by comments and pages are there, and headings too", () => {
    const all = [...tree.code, ...tree.prose];
    expect(all.flatMap((source) => mentionComplaints(source, tree))).toEqual([]);
  });

  test.each([
    ["worker/audit.ts", "// as worker/ledger.ts has it"],
    ["worker/summary.ts", "/* ledger.ts, and ledger/totals.ts. */"],
    ["worker/ledger.ts", "/** Its parts, totals.ts say. */"],
    ["worker/ledger/totals.test.ts", "// What ledger.ts is in pieces (worker.ts)"],
    ["worker/summary.ts", "/** PROTOCOL.md, I1 and I2. */"],
    ["worker/summary.ts", '/** The table (docs/PROTOCOL.md,\n * "Who is who"). */'],
    [
      "worker/summary.ts",
      '// Beside it, as in "./http-thread.ts", **/*-thread.ts\nread("gone.ts");',
    ],
    ["docs/other.md", "`worker/ledger.ts`, `bun worker.ts`, `PROTOCOL.md`; gone.ts is prose"],
    ["docs/other.md", "```sh\nbun worker.ts --help\n```"],
  ])("are found from %s: %s", (path, text) => {
    expect(complaints(path, text)).toEqual([]);
  });

  test.each([
    ["worker/summary.ts", "// as worker/gone.ts has it"],
    ["worker/summary.ts", "/* a.ts stands beside it\n * and is not there: gone */"],
    ["worker/summary.ts", 'const name = "b.ts"; // c.ts'],
    ["worker/summary.ts", "/** CONTRACT.md: at most 800. */"],
    ["worker/summary.ts", '/** PROTOCOL.md, "States". */'],
    ["worker/other.ts", "// totals.ts"],
    ["docs/adr/0001-a.md", "What `worker/gone.ts` did."],
    ["docs/other.md", "```sh\nbun gone.ts --help\n```"],
    ["docs/other.md", "see `docs/gone.md`"],
  ])("and are not there are refused in %s: %s", (path, text) => {
    expect(complaints(path, text)).toHaveLength(1);
  });
});
