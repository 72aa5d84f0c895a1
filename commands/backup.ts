/**
 * Runs `worker backup …`: copies of the journal, beside a worker that is at it or without one. A file
 * with the name of a copy is whole, however this process ends.
 */
import { statSync } from "node:fs";
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { createLog, type LogLevel } from "../shared/log.ts";
import { complain, say } from "../shared/say.ts";
import { commonSettings, readSettings } from "../shared/settings.ts";
import { refuseDatabase } from "../worker/journal-url.ts";
import { workerSettings } from "../worker/settings.ts";
import { goOn, round } from "./backup/folder.ts";
import { makeCopy, type Made } from "./backup/make.ts";
import { mb } from "./backup/progress.ts";
import { periodMsOf } from "./backup/rounds.ts";

const USAGE = `usage: worker backup TO | worker backup --to DIR [--keep 96] [--every 15m]

Copies the journal that JOURNAL names into one file, as of one moment, and looks through the copy. The
worker may run or not. Nothing is overwritten, and nothing has the copy's name before it is whole and on
disk. worker restore puts a copy back.

  --to DIR      a folder: the copy is named by the journal and the instant (UTC) in it
  --keep N      removes all of them but the newest N, when a new one is there (96)
  --every TIME  goes on, with one every 30s, 15m, 6h or 1d, until SIGTERM or SIGINT: a round that fails is a
                line in the log, and is tried again
  --help, --version

Exit code 0: the copy is there and whole. 1: it is not.
`;

const LINE = {
  usage: USAGE,
  options: {
    to: { type: "string" },
    keep: { type: "string" },
    every: { type: "string" },
  },
  wordsMax: 1,
} as const;

const { JOURNAL } = workerSettings;
const { LOG_LEVEL } = commonSettings;
const KEEP_MAX = 100_000;
/** Ways to end it, and the exit codes of a copy that was not finished: those of a shell. */
const CODES = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 } as const;

type Job =
  | { readonly kind: "file"; readonly to: string }
  | { readonly kind: "folder"; readonly path: string; readonly keep: number }
  | { readonly kind: "loop"; readonly path: string; readonly keep: number; periodMs: number };

export async function backUpByHand(args: readonly string[]): Promise<0> {
  const job = readJob(args);
  for (const [signal, code] of Object.entries(CODES)) {
    process.on(signal, () => process.exit(job.kind === "loop" ? 0 : code));
  }
  try {
    const read = readSettings({ JOURNAL, LOG_LEVEL }, process.env);
    if (!read.ok) throw new Error(read.reason);
    refuseDatabase(read.settings.JOURNAL, "worker backup");
    return await run(job, read.settings);
  } catch (error) {
    throw new Error(`there is no copy: ${(error as Error).message}`, { cause: error });
  }
}

async function run(
  job: Job,
  { JOURNAL: journal, LOG_LEVEL: level }: { JOURNAL: string; LOG_LEVEL: LogLevel },
): Promise<0> {
  if (job.kind !== "file") refuseNoFolder(job.path);
  switch (job.kind) {
    case "file":
      say(describe(await makeCopy(journal, job.to, complain)));
      return 0;
    case "folder":
      say(describe(await round({ ...job, journal }, complain)));
      return 0;
    case "loop":
      return goOn({ ...job, journal }, job.periodMs, createLog("backup", level));
  }
}

/** Makes none: a disk that is not mounted would be filled beside it. */
function refuseNoFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new Error(`${path} is no folder`);
}

function describe({ to, payments, open, bytes, backupAtMs, tookMs }: Made): string {
  const at = new Date(backupAtMs ?? 0).toISOString();
  const took = (tookMs / 1_000).toFixed(1);
  return `${to}: ${payments} payments, ${open} of them open, as of ${at}; ${mb(bytes)} MB, whole, in ${took} s\n`;
}

function readJob(args: readonly string[]): Job {
  const { words, values } = argumentsOrExit(LINE, args);
  const [to] = words;
  const { to: path, every, keep = "96" } = values;
  if (to !== undefined) {
    const mixed = Object.keys(values)[0];
    if (mixed !== undefined) return refuseArguments(USAGE, `--${mixed} is not for a single file`);
    return { kind: "file", to };
  }
  if (path === undefined) return refuseArguments(USAGE, "it is not said where to: TO or --to DIR");
  if (!/^[1-9]\d{0,5}$/.test(keep) || Number(keep) > KEEP_MAX) {
    return refuseArguments(USAGE, `--keep is a whole number from 1 to ${KEEP_MAX}`);
  }
  const folder = { path, keep: Number(keep) };
  if (every === undefined) return { kind: "folder", ...folder };
  const periodMs = periodMsOf(every);
  if (periodMs === null) {
    return refuseArguments(USAGE, "--every is a time such as 30s, 15m, 6h or 1d, a week at most");
  }
  return { kind: "loop", ...folder, periodMs };
}
