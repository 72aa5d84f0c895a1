/** `bun run bench`: every benchmark, one table; --help says more. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGAINST } from "./against.ts";
import { verdictOf, type BenchContext, type Benchmark, type Row } from "./benchmark.ts";
import { describeMachine, headerOf } from "./machine.ts";
import { Revision } from "./revision.ts";
import { SUITE } from "./suite.ts";
import * as cluster from "./system/cluster.ts";
import * as largeCluster from "./system/large-cluster.ts";
import * as scale from "./system/scale.ts";
import { killAll, run } from "../testing/process.ts";
import { DIST, isBuilt, ROOT } from "../testing/programs.ts";
import { tableOf } from "./table.ts";
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { say } from "../shared/say.ts";

const USAGE = `usage: bun run bench [options]

Every benchmark, one table. A figure says little beside another machine's; the ratio to the baseline
of the same run says more. Some rows have a target, and with it a verdict: met or missed, or not
shown where too few turns tell, which changes no exit code. The largest journal has ten million payments and takes 2 GB.

  --quick         tiny sizes: shows in seconds that every benchmark works, and nothing else
  --only PATTERN  those whose name matches, for example micro/ or summary
  --runs N        interleaved runs that each median is taken of (3)
  --json FILE     the same as JSON
  --dist          the compiled binaries of bun run build, not the source
  --against REV   this tree beside another revision, both built anew: acceptance, whole payments and what they
                  cost, cold and warm, by turns; and a contest's load side by side. The baseline is REV, and
                  --only chooses among "normal at once", "normal later", "full at once", "full later" and
                  "contest"
  --fixed-second  the users of system/echo wait a second to the millisecond, as the contest's do, and clump
  --cluster       several workers over one PostgreSQL with two standbys, beside one with SQLite, and nothing
                  else; it needs the package postgresql
  --scale         what grows with the payments in the journal, up to a hundred million, and nothing else; it
                  takes half an hour and 15 GB
  --dir DIR       where journals are written (the system's folder for temporary files)
`;

const { values: flags } = argumentsOrExit({
  usage: USAGE,
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    runs: { type: "string" },
    json: { type: "string" },
    dist: { type: "boolean", default: false },
    against: { type: "string" },
    cluster: { type: "boolean", default: false },
    scale: { type: "boolean", default: false },
    "fixed-second": { type: "boolean", default: false },
    dir: { type: "string", default: tmpdir() },
  },
});

const runs = Number(flags.runs ?? (flags.quick ? 1 : 3));
const only = patternOf(flags.only);
const suite = suiteOf();
const chosen = suite.filter(({ name }) => only.test(name));
if (!Number.isInteger(runs) || runs < 1) refuseArguments(USAGE, "--runs: a whole number from 1");
if (chosen.length === 0) {
  refuseArguments(USAGE, `--only: none of ${suite.map(({ name }) => name).join(", ")}`);
}
if (flags.dist && !isBuilt()) stopWith("--dist: nothing is built; bun run build does it");

const directory = mkdtempSync(join(flags.dir, "papa-leguas-bench-"));
process.on("exit", leaveNothing);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const machine = await describeMachine(directory);
const context: BenchContext = {
  quick: flags.quick,
  runs,
  dist: flags.dist ? DIST : null,
  directory,
  isFixedSecond: flags["fixed-second"],
};
say(`${headerOf(machine)}\n`);
say(`medians of ${runs}; ratio: times as fast as the baseline of the same run\n\n`);

const rows: Row[] = [];
await using other = flags.against === undefined ? null : await bothBuilt(flags.against);
for (const benchmark of chosen) {
  const startMs = performance.now();
  try {
    rows.push(...(await benchmark.run(context)));
  } catch (error) {
    say(`${tableOf(rows, flags.quick)}\n`);
    stopWith(`${benchmark.name}: ${(error as Error).message}`);
  }
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  process.stderr.write(`${benchmark.name} ${seconds} s\n`);
}
say(`${tableOf(rows, flags.quick)}\n`);
if (flags.json !== undefined) {
  const judged = rows.map((row) => Object.assign({ verdict: verdictOf(row, flags.quick) }, row));
  await Bun.write(flags.json, `${JSON.stringify({ machine, runs, rows: judged }, null, 2)}\n`);
}

function suiteOf(): readonly Benchmark[] {
  if (flags.cluster) return [cluster, largeCluster];
  if (flags.scale) return [scale];
  return flags.against === undefined ? SUITE : partsAgainst();
}

/** The parts of `--against`, each beside the other revision once it is built. */
function partsAgainst(): Benchmark[] {
  return AGAINST.map(({ name, run: runBeside }) => ({
    name,
    run: (given) => runBeside({ ...given, dist: DIST }, other!.dist),
  }));
}

async function bothBuilt(name: string): Promise<Revision> {
  const revision = await Revision.build(name, directory);
  await buildOurs();
  say(`beside ${name}, ${revision.commit}\n\n`);
  return revision;
}

async function buildOurs(): Promise<void> {
  const { code, out, err } = await run([process.execPath, "run", "build"], { cwd: ROOT });
  if (code !== 0) throw new Error((err || out).trim());
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    return refuseArguments(USAGE, `--only: ${(error as Error).message}`);
  }
}

function leaveNothing(): void {
  killAll();
  rmSync(directory, { recursive: true, force: true });
}

function stopWith(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}
