/**
 * Compares ours with a naive twin, in one process. A round runs both, one after the other, and takes each
 * one's median; the twins trade places from round to round, so that a slow moment hits both. A call of
 * `ours` or `naive` does `batch` operations, which makes the timer's own cost vanish.
 */
import { Bench } from "tinybench";
import type { BenchContext, Series } from "./benchmark.ts";

export type Twins = {
  /** Operations in one call. */
  readonly batch: number;
  readonly ours: () => unknown;
  readonly naive: () => unknown;
};

const TIME_MS = 80;
const WARMUP_MS = 30;

/** Gives nanoseconds an operation. */
export function compare(
  { quick, runs }: BenchContext,
  { batch, ours, naive }: Twins,
): Required<Series> {
  const figures: number[] = [];
  const baselines: number[] = [];
  for (let run = 0; run < runs; run++) {
    const bench = new Bench({
      time: quick ? 1 : TIME_MS,
      iterations: 3,
      warmupTime: quick ? 1 : WARMUP_MS,
      warmupIterations: 3,
      throws: true,
    });
    const add = { ours: () => bench.add("ours", ours), naive: () => bench.add("naive", naive) };
    for (const twin of run % 2 === 0 ? (["ours", "naive"] as const) : (["naive", "ours"] as const))
      add[twin]();
    bench.runSync();
    figures.push(nanoseconds(bench, "ours") / batch);
    baselines.push(nanoseconds(bench, "naive") / batch);
  }
  return { figures, baselines };
}

function nanoseconds(bench: Bench, name: string): number {
  const result = bench.getTask(name)?.result;
  if (result?.state !== "completed") throw new Error(`${name} was not measured: ${result?.state}`);
  return result.latency.p50 * 1e6;
}
