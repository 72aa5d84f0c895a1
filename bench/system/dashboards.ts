/**
 * Measures what open dashboards do to POST /payments at a steady 1 000 a second: fifty event streams
 * against none. Both are the same gateway, one after the other in every round, and in turn first.
 */
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import type { LoadReport } from "../load/plan.ts";
import { loadGateway, type Load } from "./payments.ts";
import { watch } from "./watchers.ts";

export const name = "system/dashboards";

const RATE = 1_000;
const DASHBOARDS = 50;

export async function run(context: BenchContext): Promise<Row[]> {
  const load: Load = context.quick
    ? { warmupMs: 50, durationMs: 200, ratePerSecond: RATE }
    : { warmupMs: 1_000, durationMs: 8_000, ratePerSecond: RATE };
  const checks = new Checks();
  const watched: LoadReport[] = [];
  const alone: LoadReport[] = [];
  const withNone = async () =>
    alone.push(await loadGateway(context, { sync: "normal" }, load, checks));
  const withMany = async () => {
    watched.push(
      await loadGateway(context, { sync: "normal" }, load, checks, async (stack) => {
        const watchers = await watch(stack, DASHBOARDS);
        return () => watchers.end(checks);
      }),
    );
  };
  for (let round = 0; round < context.runs; round++) {
    for (const part of round % 2 === 0 ? [withNone, withMany] : [withMany, withNone]) await part();
  }
  return (["p50Ms", "p99Ms"] as const).map((percentile) =>
    rowOf(
      `${DASHBOARDS} dashboards at ${RATE}/s: ${percentile.replace("Ms", "")}`,
      "ms",
      {
        figures: watched.map((report) => report[percentile]),
        baselines: alone.map((report) => report[percentile]),
      },
      checks,
      "against the same without a dashboard; the readers use the same machine",
    ),
  );
}
