/**
 * Measures how long POST /payments takes at a steady 1 000 a second, which is more than the contest
 * ever sends, against a bare Bun.serve that parses the same body and waits for an echo by a second
 * process: what comes on top of that is the gateway's own. Payments come on time whether or not
 * others are answered; how late the generator itself was stands in the note, and is not charged to
 * the gateway.
 */
import { Checks, median, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import type { LoadReport } from "../load/plan.ts";
import { loadBare, loadGateway, steadily } from "./payments.ts";

export const name = "system/accept-latency";

const RATE = 1_000;
const PERCENTILES = ["p50Ms", "p99Ms", "p999Ms"] as const;
type Percentile = (typeof PERCENTILES)[number];
/** Twice a bare server's time is 1.75 times the echo's. */
const TWICE_A_BARE_SERVERS: Target = { op: ">=", value: 1 / 1.75, of: "ratio" };

export async function run(context: BenchContext): Promise<Row[]> {
  const load = steadily(RATE, context);
  const series = (
    what: string,
    post: (checks: Checks) => Promise<LoadReport>,
    targets: Partial<Record<Percentile, Target[]>> = {},
  ) => ({ what, post, targets, checks: new Checks(), reports: [] as LoadReport[] });
  const echo = series("echo", (checks) => loadBare("hop", load, checks));
  const gateways = [
    series("normal", (checks) => loadGateway(context, { sync: "normal" }, load, checks), {
      p99Ms: [TWICE_A_BARE_SERVERS],
    }),
    series("full", (checks) => loadGateway(context, { sync: "full" }, load, checks)),
  ];
  for (let round = 0; round < context.runs; round++) {
    for (const { post, checks, reports } of [echo, ...gateways]) reports.push(await post(checks));
  }
  const lates = [echo, ...gateways].map(({ reports }) => of("lateP99Ms", reports));
  const late = Math.max(...lates.map(median)).toFixed(1);
  return gateways.flatMap(({ what, targets, checks, reports }) =>
    PERCENTILES.map((percentile) =>
      rowOf(
        `latency at ${RATE}/s: ${what}, ${percentile.replace("Ms", "").replace("p999", "p99.9")}`,
        "ms",
        { figures: of(percentile, reports), baselines: of(percentile, echo.reports) },
        checks,
        `against the echo; generator late by ${late} ms at p99`,
        targets[percentile],
      ),
    ),
  );
}

function of(figure: Percentile | "lateP99Ms", reports: readonly LoadReport[]): number[] {
  return reports.map((report) => report[figure]);
}
