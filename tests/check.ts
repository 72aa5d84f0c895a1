/**
 * Runs `bun run check`: formats, lint, unused code, types, every test, and those of instants once
 * more in other time zones. It prints one line a step, the output of those that fail, and a closing
 * line that counts the steps and the single tests together.
 */
import { join } from "node:path";
import { argumentsOrExit } from "../shared/arguments.ts";
import { Child } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { countTests, sum, type Counts } from "./check/counts.ts";
import { dependsOnZone, ZONES } from "./check/zones.ts";

type Outcome = { readonly counts: Counts; readonly output: string };
type Step = { readonly name: string; readonly run: () => Promise<Outcome> };

const TESTS = new Bun.Glob("**/*.{test,spec}.ts");

const colours = process.stdout.isTTY && !process.env["NO_COLOR"];
const { FORCE_COLOR: _, ...inherited } = process.env;
const environment = { ...inherited, ...(colours ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" }) };

/** Runs this very Bun, so that every tool has the pinned version, whatever Node.js is installed. */
async function bun(
  args: readonly string[],
  env: Record<string, string | undefined> = {},
): Promise<{ exitCode: number; output: string }> {
  let output = "";
  const child = new Child({
    command: [process.execPath, ...args],
    cwd: ROOT,
    env: { ...environment, ...env },
    // Both streams are kept in the order in which lines come.
    onLine: (line) => (output += `${line}\n`),
    linesMax: 0,
  });
  child.start();
  const { code } = await child.ended;
  // Some tools colour their output although they are told not to.
  return { exitCode: code ?? 1, output: colours ? output : Bun.stripANSI(output) };
}

function tool(name: string, ...args: string[]): Step {
  const run = async () => {
    const { exitCode, output } = await bun(args);
    const passed = exitCode === 0 ? 1 : 0;
    return { counts: { passed, failed: 1 - passed, skipped: 0 }, output };
  };
  return { name, run };
}

/** Runs every test, or those of some files. */
async function runTests(files?: readonly string[], env = {}): Promise<Outcome> {
  using directory = temporaryDirectory();
  const report = directory.file("junit.xml");
  const paths = files?.map((path) => `./${path}`) ?? [];
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  const { exitCode, output } = await bun(["test", "--only-failures", ...reporter, ...paths], env);
  const file = Bun.file(report);
  const xml = (await file.exists()) ? await file.text() : "";
  const { counts, missing } = countTests(xml, exitCode, files ?? testFiles());
  const notes = missing.map((path) => `${path}: ran no test (does it load?)\n`);
  return { counts, output: output + notes.join("") };
}

async function runInZones(): Promise<Outcome> {
  const all = testFiles();
  const texts = await Promise.all(all.map((path) => Bun.file(join(ROOT, path)).text()));
  const files = all.filter((path, i) => dependsOnZone(path, texts[i] as string));
  let total: Outcome = { counts: { passed: 0, failed: 0, skipped: 0 }, output: "" };
  for (const TZ of ZONES) {
    const { counts, output } = await runTests(files, { TZ });
    total = { counts: sum(total.counts, counts), output: `${total.output}${TZ}\n${output}\n` };
  }
  return total;
}

function testFiles(): string[] {
  return [...TESTS.scanSync(ROOT)]
    .filter((path) => !/^(node_modules|dist|data)\//.test(path))
    .sort();
}

const KNIP = ["node_modules/knip/bin/knip.js", "--no-progress", "--no-config-hints"];

const STEPS: readonly Step[] = [
  tool("formats", "fmt", "--check"),
  tool("lint", "node_modules/oxlint/bin/oxlint"),
  tool("unused", ...KNIP),
  // Exports that only tests read.
  tool("exports", ...KNIP, "--production", "--include", "exports", "-c", "knip.production.json"),
  tool("types", "check", "--no-script"),
  // A browser has other globals than Bun.
  tool("page", "check", "--no-script", "-p", "dashboard"),
  { name: "tests", run: () => runTests() },
  { name: "zones", run: runInZones },
];

const paint = (code: number, text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);

async function take(step: Step): Promise<Counts> {
  const startedAtMs = performance.now();
  process.stdout.write(`${step.name.padEnd(8)} `);
  const { counts, output } = await step.run();
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  const verdict = counts.failed === 0 ? paint(32, "passed") : paint(31, "FAILED");
  process.stdout.write(`${verdict} ${seconds.padStart(6)} s\n`);
  if (counts.failed > 0) process.stdout.write(`\n${output.trim()}\n\n`);
  return counts;
}

argumentsOrExit({
  usage:
    "usage: bun run check\n\nFormats, lint, unused code, types, every test. Exits 1 when one fails.",
});
let total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const step of STEPS) total = sum(total, await take(step));

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
