/**
 * Measures the CPU time that a worker and an API take to which nothing happens, by the kernel's account of
 * all their threads. The first minute is left out: until then Bun compiles and collects what a start leaves.
 */
import { spentBetween, threadsCpuMsOf, threadsWakesOf } from "../../testing/proc.ts";
import { Checks, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import { startStack } from "./stack.ts";
import { summaryOf, totalOf } from "./sums.ts";

export const name = "system/idle";

/** A thread that takes less in a second is not named. */
const TOLD_MS = 0.1;
const TARGETS: Target[] = [{ op: "<=", value: 2, of: "figure" }];

export async function run(context: BenchContext): Promise<Row[]> {
  const { settlingMs, measuredMs } = context.quick
    ? // An idle worker wakes up once a second.
      { settlingMs: 100, measuredMs: 2_500 }
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
    const asleep = threadsWakesOf(pids[0]);
    await Bun.sleep(measuredMs);
    const to = pids.map(threadsCpuMsOf);
    const awake = threadsWakesOf(pids[0]);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const [ofWorker, ofApi] = to.map((account, at) => spentBetween(from[at]!, account));
    const perSecond = (spent: Spent) => spent.reduce((sum, { ms }) => sum + ms, 0) / seconds;
    worker.push(perSecond(ofWorker!));
    api.push(perSecond(ofApi!));
    const told = ofWorker!.filter(({ ms }) => ms / seconds >= TOLD_MS);
    const wakesOf = (thread: string) => awake.get(thread)! - (asleep.get(thread) ?? 0);
    const asTold = ({ name: thread, ms }: Spent[number]) =>
      `${thread} ${(ms / seconds).toFixed(1)} in ${(wakesOf(thread) / seconds).toFixed(1)} wakes`;
    threads = told.map(asTold).join(", ");
    checks.equal("it takes payments", await stack.gateway.isReady(), true);
    checks.equal("nothing was paid", totalOf(await summaryOf(stack.workerHttp)).count, 0);
  }
  const row = (what: string, figures: number[], note: string) =>
    rowOf(`idle: CPU a second, ${what}`, "ms", { figures }, checks, note, TARGETS);
  return [row("worker", worker, `last round: ${threads}`), row("api", api, "all threads")];
}

type Spent = ReturnType<typeof spentBetween>;
