/**
 * Measures what open dashboards do to POST /payments at a steady 1 000 a second: fifty event streams
 * against none. Both are the same gateway, one after the other in every round, and in turn first.
 */
import { byTurns, Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { loadGateway, steadily } from "./payments.ts";
import { watch } from "./watchers.ts";

export const name = "system/dashboards";

const RATE = 1_000;
const DASHBOARDS = 50;

export async function run(context: BenchContext): Promise<Row[]> {
  const load = steadily(RATE, context, 8_000);
  const checks = new Checks();
  const withDashboards = (count: number) => () =>
    loadGateway(context, { sync: "normal" }, load, checks, async (stack) => {
      const watchers = await watch(stack, count);
      return () => watchers.end(checks);
    });
  const counts = [0, DASHBOARDS];
  const [alone = [], watched = []] = await byTurns(context.runs, counts.map(withDashboards));
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
