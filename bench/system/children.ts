/** The processes of benchmarks: compiled or from source, with their trouble shown as it comes. */
import { Child, run, type ChildOptions } from "../../testing/process.ts";
import { bareEnv, fromSource, inFolder } from "../../testing/programs.ts";

/** Ten million settled payments are read before a worker is ready. */
const READY_MS_MAX = 60_000;
/** Pino's level of a warning; anything less is the ordinary course of things. */
const WARN = 40;

/** Children stay in our session: the generator gets no larger part of the cores than what it measures. */
export const CHILD = { readyMsMax: READY_MS_MAX, onLine: showTrouble, session: "ours" } as const;
/** With this a worker, or a client without limits, need not replace itself to make as many calls. */
export const CALLS = { BUN_CONFIG_MAX_HTTP_REQUESTS: "8192" };

/** Stands in for both processors: the simulator takes twice as much of the cores. */
export const LIGHT_PROCESSOR = fromSource("bench/light-processor.ts");

/** Runs a program from source when `dist` is null, else as it was compiled into that folder. */
export function commandOf(
  entry: string,
  dist: string | null,
  ...args: readonly string[]
): string[] {
  return dist === null ? fromSource(entry, ...args) : inFolder(dist, entry, ...args);
}

/** Starts a baseline, a script of bench/, and gives its first words along. */
export async function startBare(entry: string, ...args: readonly string[]) {
  const options: ChildOptions = { ...CHILD, command: fromSource(entry, ...args), env: bareEnv() };
  const child = await Child.start({ ...options, name: entry });
  return { child, said: JSON.parse(await child.untilReady()) as Record<string, unknown> };
}

/** Runs a script of bench/ to its end and reads its report from stdout. */
export async function reportOf<T>(entry: string, plan: object): Promise<T> {
  const command = fromSource(entry, JSON.stringify(plan));
  const { code, out, err } = await run(command, { env: bareEnv(CALLS), session: "ours" });
  if (code !== 0) throw new Error(`${entry} ended with ${code}: ${err}`);
  return JSON.parse(out) as T;
}

function showTrouble(line: string): void {
  const isLog = line.startsWith("{");
  if (isLog && ((JSON.parse(line) as { level?: number }).level ?? 0) < WARN) return;
  process.stderr.write(`${line}\n`);
}
