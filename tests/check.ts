/**
 * Runs `bun run check`: formats, lint, unused code, types, every test, and those of instants once
 * more in other time zones. It says what it is doing, prints the output of what fails and why tests
 * were skipped, and ends with a line that counts the steps and the single tests together.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { argumentsOrExit } from "../shared/arguments.ts";
import { Child } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { Followed } from "./check/console.ts";
import { countTests, sum, type Counts } from "./check/counts.ts";
import { Progress } from "./check/progress.ts";
import { isQuick, leftOut, QUICK_SEEDS } from "./check/quick.ts";
import { describeSkips, skipsIn, type Skip } from "./check/skips.ts";
import { dependsOnZone, ZONES } from "./check/zones.ts";

const USAGE = `usage: bun run check [--quick]

Formats, lint, unused code, types, every test. Exits 1 when one fails.

  --quick   without what takes long: browsers, containers, whole processes, most seeds, zones
`;

type Outcome = { readonly counts: Counts; readonly output: string; readonly skips: Skip[] };
type Report = (state: string) => void;
type Step = { readonly name: string; readonly run: (report: Report) => Promise<Outcome> };

const TESTS = new Bun.Glob("**/*.{test,spec}.ts");
const SLOW = join(ROOT, "tests/check/slow.json");
const TICK_MS = 1_000;

const colours = process.stdout.isTTY && !process.env["NO_COLOR"];
const { FORCE_COLOR: _, ...inherited } = process.env;
const environment = { ...inherited, ...(colours ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }) };
const screen = {
  isTerminal: process.stdout.isTTY === true,
  columns: process.stdout.columns ?? 80,
  write: (text: string) => void process.stdout.write(text),
};

/** Runs this very Bun, so that every tool has the pinned version, whatever Node.js is installed. */
async function bun(
  args: readonly string[],
  onLine: (line: string) => void,
  env: Record<string, string | undefined> = {},
): Promise<number> {
  const child = new Child({
    command: [process.execPath, ...args],
    cwd: ROOT,
    env: { ...environment, ...env },
    // Both streams are kept in the order in which lines come. Some tools colour theirs although told not to.
    onLine: (line) => onLine(colours ? line : Bun.stripANSI(line)),
    linesMax: 0,
  });
  child.start();
  return (await child.ended).code ?? 1;
}

function tool(name: string, ...args: string[]): Step {
  const run = async () => {
    let output = "";
    const exitCode = await bun(args, (line) => (output += `${line}\n`));
    const passed = exitCode === 0 ? 1 : 0;
    return { counts: { passed, failed: 1 - passed, skipped: 0 }, output, skips: [] };
  };
  return { name, run };
}

/** Runs one file more at a time than there are cores, since most of the long ones mostly wait; the longest first. */
const SIDE_BY_SIDE = [`--parallel=${availableParallelism() + 1}`, `--timings=${SLOW}`];
const ALONE = ["--isolate"];

async function runTests(
  files: readonly string[],
  report: Report,
  { how = SIDE_BY_SIDE, env = {} }: { how?: readonly string[]; env?: { TZ?: string } } = {},
): Promise<Outcome> {
  using directory = temporaryDirectory();
  const path = directory.file("junit.xml");
  const reporter = ["--reporter=junit", `--reporter-outfile=${path}`];
  const followed = new Followed();
  const onLine = (line: string) => {
    followed.take(line);
    report(followed.stateOf(files.length));
  };
  const args = ["test", ...how, ...reporter, ...files.map((file) => `./${file}`)];
  const exitCode = await bun(args, onLine, env);
  const file = Bun.file(path);
  const xml = (await file.exists()) ? await file.text() : "";
  const { counts, missing } = countTests(xml, exitCode, files);
  const notes = missing.map((name) => `${name}: ran no test (does it load?)`);
  return { counts, output: [...followed.kept, ...notes].join("\n"), skips: skipsIn(xml) };
}

async function runInZones(report: Report): Promise<Outcome> {
  const texts = await Promise.all(ALL.map((path) => Bun.file(join(ROOT, path)).text()));
  const files = ALL.filter((path, i) => dependsOnZone(path, texts[i] as string));
  let total: Outcome = { counts: { passed: 0, failed: 0, skipped: 0 }, output: "", skips: [] };
  for (const TZ of ZONES) {
    const of = await runTests(files, (state) => report(`${TZ}: ${state}`), { env: { TZ } });
    const output = `${total.output}${TZ}\n${of.output}\n`;
    total = { counts: sum(total.counts, of.counts), output, skips: [...total.skips, ...of.skips] };
  }
  return total;
}

/** Whole gateways under load and under limits of a kernel's: beside one another, and beside nothing else. */
const isSystem = (path: string) => /^tests\/(?:containers|kill)\//.test(path);
/** A benchmark beside which others run measures nothing. */
const isBenchmark = (path: string) => path === "bench/bench.test.ts";

function testFiles(): string[] {
  return [...TESTS.scanSync(ROOT)]
    .filter((path) => !/^(node_modules|dist|data)\//.test(path))
    .sort();
}

const ALL = testFiles();
const KNIP = ["node_modules/knip/bin/knip.js", "--no-progress", "--no-config-hints"];

const STATIC: readonly Step[] = [
  tool("formats", "fmt", "--check"),
  tool("lint", "node_modules/oxlint/bin/oxlint"),
  tool("unused", ...KNIP),
  // Exports that only tests read.
  tool("exports", ...KNIP, "--production", "--include", "exports", "-c", "knip.production.json"),
  tool("types", "check", "--no-script"),
  // A browser has other globals than Bun.
  tool("page", "check", "--no-script", "-p", "dashboard"),
];
const FULL: readonly Step[] = [
  ...STATIC,
  {
    name: "tests",
    run: (report) =>
      runTests(
        ALL.filter((path) => !isSystem(path) && !isBenchmark(path)),
        report,
      ),
  },
  { name: "systems", run: (report) => runTests(ALL.filter(isSystem), report) },
  {
    name: "benches",
    run: (report) => runTests(ALL.filter(isBenchmark), report, { how: ALONE }),
  },
  { name: "zones", run: runInZones },
];
const QUICK: readonly Step[] = [
  ...STATIC,
  { name: "tests", run: (report) => runTests(ALL.filter(isQuick), report) },
  tool("seeds", "simulation/simulate.ts", "--fresh", String(QUICK_SEEDS)),
];

const paint = (code: number, text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);

async function take({ name, run }: Step): Promise<Outcome> {
  const progress = new Progress(name, screen, performance.now());
  let state = "";
  const ticks = setInterval(() => progress.report(performance.now(), state), TICK_MS);
  const outcome = await run((newest) => progress.report(performance.now(), (state = newest)));
  clearInterval(ticks);
  const { counts, output } = outcome;
  const verdict = counts.failed === 0 ? paint(32, "passed") : paint(31, "FAILED");
  progress.end(performance.now(), verdict);
  if (counts.failed > 0) process.stdout.write(`\n${output.trim()}\n\n`);
  return outcome;
}

const { values } = argumentsOrExit({
  usage: USAGE,
  options: { quick: { type: "boolean", default: false } },
});
let total: Counts = { passed: 0, failed: 0, skipped: 0 };
const skips: Skip[] = [];
for (const step of values.quick ? QUICK : FULL) {
  const outcome = await take(step);
  total = sum(total, outcome.counts);
  skips.push(...outcome.skips);
}

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
for (const line of describeSkips(skips)) process.stdout.write(`${line}\n`);
if (values.quick) process.stdout.write(`${leftOut(ALL)}\n`);
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
