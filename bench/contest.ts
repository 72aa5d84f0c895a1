/** `bun run contest`: the contest of one minute, and its scorecard. Composes only; --help says more. */
import { isListening, startDev } from "./contest/dev.ts";
import { readOptions, type ContestOptions } from "./contest/options.ts";
import { faultsOf, jsonReport, medians, scorecard } from "./contest/report.ts";
import { heal, runContest, type RunReport } from "./contest/run.ts";
import { say } from "../shared/say.ts";
import { Trouble } from "./contest/trouble.ts";

// The reader of the progress may go away: the report still has its file, and its exit code.
process.stdout.on("error", () => {});

const EXIT = { passed: 0, failed: 1, trouble: 2, interrupted: 130 } as const;

try {
  const options = await readOptions(process.argv.slice(2));
  const isText = typeof options === "string";
  if (isText) say(options);
  process.exit(isText ? EXIT.passed : await contest(options));
} catch (error) {
  if (!(error instanceof Trouble)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(EXIT.trouble);
}

async function contest(options: ContestOptions): Promise<number> {
  // JSON on stdout stands there alone.
  const out = options.json === "-" ? process.stderr : process.stdout;
  const print = (line: string) => void out.write(`${line}\n`);
  const isThere = !options.dev && (await isListening(options.site.url));
  if (!isThere) print(`starting a gateway at ${options.site.url}`);
  const stand = isThere ? null : await startDev(options.site);
  const leave = async () => {
    await heal(options.site);
    await stand?.[Symbol.asyncDispose]();
    process.exit(EXIT.interrupted);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void leave());
  try {
    const reports = await contests(options, print);
    if (options.json === "-") say(jsonReport(reports, options));
    else if (options.json !== null) await Bun.write(options.json, jsonReport(reports, options));
    const passed = reports.every((report) => faultsOf(report).length === 0);
    return passed ? EXIT.passed : EXIT.failed;
  } finally {
    await stand?.[Symbol.asyncDispose]();
  }
}

async function contests(
  options: ContestOptions,
  print: (line: string) => void,
): Promise<RunReport[]> {
  const { site, users, seconds, weather, strict, runs } = options;
  const reports: RunReport[] = [];
  for (let run = 0; run < runs; run++) {
    const seed = options.seed === null ? null : options.seed + run;
    const ramp = { users, durationMs: seconds * 1_000 };
    const followed = run + 1 < runs;
    const report = await runContest({ site, ramp, weather, seed, strict, followed, print });
    reports.push(report);
    print(`\n${scorecard(report, { ...options, seed })}`);
  }
  if (runs > 1) print(medians(reports));
  return reports;
}
