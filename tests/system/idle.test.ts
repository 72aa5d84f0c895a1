/**
 * A gateway to which nothing happens sleeps: how often its threads wake up is counted by the kernel, from outside.
 * CPU time would say less, since each wake costs what the machine beside it makes it cost (bench/system/idle.ts).
 */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { MAIN_THREAD, threadsWakesOf } from "../../testing/proc.ts";
import { Stack } from "../../testing/stack.ts";

const WINDOW_MS = 10_000;
/** Compilers and collectors, which a start keeps busy, wake others: the calmest window is the one that counts. */
const WINDOWS = 6;
/** Bun's name of a thread that a program has started. */
const WORKER_THREAD = "Worker";
/**
 * Most wakes a second, in the first minute. Later the pipeline's thread has 1.05 for the API's probe, on which all
 * that recurs rides, 0.4 for health and 0.2 for a timer that Bun leaves after it; at first the compiler adds some.
 */
const MOST = { pipeline: 3.5, others: 1.7, api: 5.5 };
type Who = keyof typeof MOST;

/** Wakes a second of the pipeline's thread, of the worker's other threads, and of the API's own. */
async function wakesOf({ worker, apis }: Stack): Promise<Record<Who, number>> {
  const count = () => {
    const [ofWorker, ofApi] = [threadsWakesOf(worker.pid), threadsWakesOf(apis[0]!.pid)];
    return {
      pipeline: ofWorker.get(MAIN_THREAD)!,
      others: ofWorker.get(WORKER_THREAD)!,
      api: ofApi.get(MAIN_THREAD)!,
    };
  };
  const before = count();
  const startedAtMs = performance.now();
  await Bun.sleep(WINDOW_MS);
  const after = count();
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const perSecond = (who: Who) => (after[who] - before[who]) / seconds;
  return { pipeline: perSecond("pipeline"), others: perSecond("others"), api: perSecond("api") };
}

test.skipIf(!existsSync("/proc/self/schedstat"))(
  "a gateway to which nothing happens wakes up for the probe, for health, and for little else",
  async () => {
    await using stack = await Stack.start();
    const least = { pipeline: Infinity, others: Infinity, api: Infinity };
    const tooOften = () => Object.entries(least).filter(([who, wakes]) => wakes > MOST[who as Who]);
    for (let window = 0; window < WINDOWS && tooOften().length > 0; window++) {
      for (const [who, wakes] of Object.entries(await wakesOf(stack)))
        least[who as Who] = Math.min(least[who as Who], wakes);
    }
    expect(tooOften()).toEqual([]);
  },
);
