/**
 * How long POST /payments takes at a steady 1 000 a second, which is more than the contest ever sends,
 * against a bare Bun.serve that parses the same body, and against one that then waits for an echo by a
 * second process: what comes on top of that is the gateway's own. Payments come on time whether or not
 * others are answered; how late the generator itself was stands in the note, and is not charged to the
 * gateway.
 */
import { Checks, median, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import type { LoadReport } from "../load/plan.ts";
import { loadBare, loadGateway, type Load } from "./payments.ts";

export const name = "system/accept-latency";

const RATE = 1_000;
/** At most. */
const TWICE_AS_LONG: Target = { op: ">=", value: 1 / 2, of: "ratio" };

export async function run(context: BenchContext): Promise<Row[]> {
  const load: Load = context.quick
    ? { warmupMs: 50, durationMs: 200, ratePerSecond: RATE }
    : { warmupMs: 1_000, durationMs: 4_000, ratePerSecond: RATE };
  const checks = {
    bare: new Checks(),
    hop: new Checks(),
    normal: new Checks(),
    full: new Checks(),
  };
  const bare: LoadReport[] = [];
  const hop: LoadReport[] = [];
  const normal: LoadReport[] = [];
  const full: LoadReport[] = [];
  for (let round = 0; round < context.runs; round++) {
    bare.push(await loadBare("parse", load, checks.bare));
    hop.push(await loadBare("hop", load, checks.hop));
    normal.push(await loadGateway(context, { sync: "normal" }, load, checks.normal));
    full.push(await loadGateway(context, { sync: "full" }, load, checks.full));
  }
  const late = Math.max(
    ...[bare, hop, normal, full].map((r) => median(r.map((one) => one.lateP99Ms))),
  );
  const percentiles = (what: string, reports: readonly LoadReport[], own: Checks) =>
    (["p50Ms", "p99Ms", "p999Ms"] as const).map((percentile) =>
      rowOf(
        `latency at ${RATE}/s: ${what}, ${percentile.replace("Ms", "").replace("p999", "p99.9")}`,
        "ms",
        {
          figures: reports.map((report) => report[percentile]),
          baselines: bare.map((report) => report[percentile]),
        },
        own,
        `against the bare server; generator late by ${late.toFixed(1)} ms at p99`,
        what === "normal" && percentile === "p99Ms" ? [TWICE_AS_LONG] : [],
      ),
    );
  return [
    ...percentiles("an echo", hop, checks.hop),
    ...percentiles("normal", normal, checks.normal),
    ...percentiles("full", full, checks.full),
  ];
}
