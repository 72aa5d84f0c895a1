/**
 * Measures the CPU time that a worker and an API take to which nothing happens, by the kernel's account of
 * all their threads. The first minute is left out: until then Bun compiles and collects what a start leaves.
 */
import { threadsCpuMsOf } from "../../testing/proc.ts";
import { Checks, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import { startStack } from "./stack.ts";
import { summaryOf, totalOf } from "./sums.ts";

export const name = "system/idle";

/** A thread that takes less in a second is not named. */
const TOLD_MS = 0.1;
const TARGETS: Target[] = [{ op: "<=", value: 2, of: "figure" }];

export async function run(context: BenchContext): Promise<Row[]> {
  const { settlingMs, measuredMs } = context.quick
    ? { settlingMs: 100, measuredMs: 500 }
    : { settlingMs: 60_000, measuredMs: 20_000 };
  const checks = new Checks();
  const [worker, api]: [number[], number[]] = [[], []];
  let threads = "";
  for (let round = 0; round < context.runs; round++) {
    await using stack = await startStack(context, { sync: "normal" });
    const pids = [stack.worker.pid, stack.apis[0]!.pid] as const;
    await Bun.sleep(settlingMs);
    const startedAtMs = performance.now();
    const from = pids.map(threadsCpuMsOf);
    await Bun.sleep(measuredMs);
    const to = pids.map(threadsCpuMsOf);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const [ofWorker, ofApi] = to.map((spent, at) => perSecond(from[at]!, spent, seconds));
    worker.push(sumOf(ofWorker!));
    api.push(sumOf(ofApi!));
    const told = ofWorker!.filter(([, ms]) => ms >= TOLD_MS);
    threads = told.map(([thread, ms]) => `${thread} ${ms.toFixed(1)}`).join(", ");
    checks.equal("it takes payments", await stack.gateway.isReady(), true);
    checks.equal("nothing was paid", totalOf(await summaryOf(stack.workerHttp)).count, 0);
  }
  const row = (what: string, figures: number[], note: string) =>
    rowOf(`idle: CPU a second, ${what}`, "ms", { figures }, checks, note, TARGETS);
  return [row("worker", worker, `last round: ${threads}`), row("api", api, "all threads")];
}

type Threads = ReadonlyMap<string, number>;

/** Milliseconds a second of each kind of thread, most first. */
function perSecond(from: Threads, to: Threads, seconds: number): [string, number][] {
  return [...to]
    .map(([thread, ms]): [string, number] => [thread, (ms - (from.get(thread) ?? 0)) / seconds])
    .toSorted(([, a], [, b]) => b - a);
}

function sumOf(spent: readonly [string, number][]): number {
  return spent.reduce((sum, [, ms]) => sum + ms, 0);
}
