/**
 * Measures the CPU time that a worker and an API take to which nothing happens, by the kernel's account of
 * all their threads. What runs once a second is compiled bit by bit for the first minutes after a start: they
 * have a row of their own, and are no target.
 */
import { spentBetween, threadsCpuMsOf, threadsWakesOf } from "../../testing/proc.ts";
import { Checks, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import { startStack } from "./stack.ts";
import { summaryOf, totalOf } from "./sums.ts";

export const name = "system/idle";

/** A thread that takes less in a second is not named. */
const TOLD_MS = 0.1;
const TARGETS: Target[] = [{ op: "<=", value: 2, of: "figure" }];
/** An idle worker wakes up once a second. */
const QUICK = { measuredMs: 2_500, fromMs: { early: 100, late: 2_600 } };
const WHOLE = { measuredMs: 30_000, fromMs: { early: 60_000, late: 240_000 } };

export async function run(context: BenchContext): Promise<Row[]> {
  const { measuredMs, fromMs } = context.quick ? QUICK : WHOLE;
  const checks = new Checks();
  const early: Sample[] = [];
  const late: Sample[] = [];
  for (let round = 0; round < context.runs; round++) {
    await using stack = await startStack(context, { sync: "normal" });
    const startedAtMs = performance.now();
    const pids = { worker: stack.worker.pid, api: stack.apis[0]!.pid };
    for (const [beginMs, samples] of [
      [fromMs.early, early],
      [fromMs.late, late],
    ] as const) {
      await Bun.sleep(startedAtMs + beginMs - performance.now());
      samples.push(await sampleOf(pids, measuredMs));
    }
    checks.equal("it takes payments", await stack.gateway.isReady(), true);
    checks.equal("nothing was paid", totalOf(await summaryOf(stack.workerHttp)).count, 0);
  }
  const row = (what: string, figures: number[], note: string, targets: Target[] = []) =>
    rowOf(`idle: CPU a second, ${what}`, "ms", { figures }, checks, note, targets);
  const worker = (samples: Sample[]) => samples.map((sample) => sample.worker);
  const api = (samples: Sample[]) => samples.map((sample) => sample.api);
  const threads = `last round: ${late.at(-1)!.threads}`;
  return [
    row("worker", worker(late), `in the fifth minute; ${threads}`, TARGETS),
    row("api", api(late), "in the fifth minute; all threads", TARGETS),
    row("worker, second minute", worker(early), "code is being compiled"),
    row("api, second minute", api(early), "code is being compiled"),
  ];
}

/** Milliseconds of CPU a second, and the worker's threads that took most of them. */
type Sample = { readonly worker: number; readonly api: number; readonly threads: string };

async function sampleOf(
  pids: { readonly worker: number; readonly api: number },
  measuredMs: number,
): Promise<Sample> {
  const accounts = () => ({
    worker: threadsCpuMsOf(pids.worker),
    api: threadsCpuMsOf(pids.api),
    wakes: threadsWakesOf(pids.worker),
    atMs: performance.now(),
  });
  const from = accounts();
  await Bun.sleep(measuredMs);
  const to = accounts();
  const seconds = (to.atMs - from.atMs) / 1_000;
  const spent = {
    worker: spentBetween(from.worker, to.worker),
    api: spentBetween(from.api, to.api),
  };
  const perSecond = (who: keyof typeof spent) =>
    spent[who].reduce((sum, { ms }) => sum + ms, 0) / seconds;
  const told = spent.worker.filter(({ ms }) => ms / seconds >= TOLD_MS);
  const wakesOf = (thread: string) =>
    ((to.wakes.get(thread) ?? 0) - (from.wakes.get(thread) ?? 0)) / seconds;
  const asTold = ({ name: thread, ms }: (typeof told)[number]) =>
    `${thread} ${(ms / seconds).toFixed(1)} in ${wakesOf(thread).toFixed(1)} wakes`;
  return {
    worker: perSecond("worker"),
    api: perSecond("api"),
    threads: told.map(asTold).join(", "),
  };
}
