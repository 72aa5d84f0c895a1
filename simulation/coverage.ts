/**
 * Says which lines of the core the seeds have met, by Bun's own coverage: a line that no seed comes to is a world
 * that is too kind. The parts that the world runs are held to a floor; sockets, threads, commands and the
 * database have tests of their own.
 */
import { join } from "node:path";
import { run } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

type Part = {
  readonly name: string;
  readonly files: readonly string[];
  /** Files that have a world of their own, or none. */
  readonly but?: RegExp;
  /** Share of its lines that the seeds have to meet. */
  readonly floor: number;
};

const PARTS: readonly Part[] = [
  {
    name: "pipeline",
    files: ["worker/pipeline.ts", "worker/pipeline/*.ts"],
    but: /shards/,
    floor: 0.89,
  },
  { name: "router", files: ["worker/router.ts", "worker/router/*.ts"], floor: 0.985 },
  { name: "link", files: ["shared/link/{client,server,frame}.ts"], floor: 0.87 },
  {
    name: "journal",
    files: ["worker/journal/{group-commit,store}.ts", "worker/journal/sqlite-*.ts"],
    but: /reader|webhooks|sources|open/,
    floor: 0.87,
  },
  // A tenth is the ring's filling behind a start, which only a database asks for.
  { name: "payments", files: ["worker/{queue,ledger,payment,lane}.ts"], floor: 0.89 },
];

export type Covered = {
  readonly file: string;
  readonly lines: number;
  readonly missed: readonly number[];
};

/** Reads what `lcov` says of each file: how many lines have code, and the numbers of those not met. */
export function coveredIn(lcov: string): Covered[] {
  return lcov.split("end_of_record").flatMap((record) => {
    const file = /^SF:(.*)$/m.exec(record)?.[1];
    if (file === undefined) return [];
    const hits = [...record.matchAll(/^DA:(\d+),(\d+)/gm)];
    const missed = hits.filter(([, , count]) => count === "0").map(([, line]) => Number(line));
    return [{ file, lines: hits.length, missed }];
  });
}

/** Gives a line for each part and each file of it that was not met whole, and whether no part is below its floor. */
export function judge(covered: readonly Covered[], parts = PARTS) {
  const lines: string[] = [];
  let isEnough = true;
  for (const { name, files, but, floor } of parts) {
    const globs = files.map((pattern) => new Bun.Glob(pattern));
    const of = covered.filter(
      ({ file }) => globs.some((glob) => glob.match(file)) && but?.test(file) !== true,
    );
    const all = of.reduce((sum, one) => sum + one.lines, 0);
    const missed = of.reduce((sum, one) => sum + one.missed.length, 0);
    const share = all === 0 ? 0 : (all - missed) / all;
    isEnough &&= share >= floor;
    lines.push(`${name}: ${percent(share)} of ${all} lines, at least ${percent(floor)}`);
    for (const one of of) {
      if (one.missed.length > 0) lines.push(`  ${one.file}: not ${spansOf(one.missed)}`);
    }
  }
  return { lines, isEnough };
}

/** Runs the seeds in one process; throws when one of them is violated. */
export async function measure(from: number, to: number, steps: number): Promise<Covered[]> {
  using directory = temporaryDirectory();
  const options = ["--coverage", "--coverage-reporter=lcov", `--coverage-dir=${directory.path}`];
  const { code, out, err } = await run(
    [process.execPath, "test", ...options, "./simulation/covered.ts"],
    { cwd: ROOT, env: { ...process.env, SIMULATED: JSON.stringify([from, to, steps]) } },
  );
  if (code !== 0) throw new Error(out + err);
  return coveredIn(await Bun.file(join(directory.path, "lcov.info")).text());
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Writes 1, 2, 3, 7 as 1-3, 7. */
function spansOf(numbers: readonly number[]): string {
  const spans: [number, number][] = [];
  for (const number of numbers) {
    const last = spans.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else spans.push([number, number]);
  }
  return spans.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}
