/**
 * Measures what ten million settled payments in a PostgreSQL cost, beside none: the start of a worker until it
 * is ready, the time from the death of one of two until the other has all shards, and a summary of everything.
 * They are written by SQL: `worker move` would take most of an hour.
 */
import type { ClusterMap } from "../../shared/http-api/cluster.ts";
import { SHARDS } from "../../shared/shards.ts";
import { startPostgres, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { until } from "../../testing/until.ts";
import { byTurns, Checks, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import { fillDatabase } from "./settled-database.ts";
import { TEN_MILLION } from "./settled-journal.ts";
import { mediansOf } from "./questions.ts";
import { summaryOf, totalOf } from "./sums.ts";
import { Workers } from "./workers.ts";

export const name = "system/large-cluster";

const TAKEN_MS_MAX = 30_000;
const SUMMARIES = 50;
const TARGETS: Target[] = [{ op: ">=", value: 0.5, of: "ratio" }];

type Measured = {
  readonly startMs: number;
  readonly takeOverMs: number;
  readonly summaryMs: number;
};

export async function run(context: BenchContext): Promise<Row[]> {
  if (WHY_NO_POSTGRES !== null) throw new Error(WHY_NO_POSTGRES);
  const count = context.quick ? TEN_MILLION.quickCount : TEN_MILLION.count;
  const checks = new Checks();
  await using postgres = await startPostgres();
  const [large, empty] = [await postgres.database(), await postgres.database()];
  await fillDatabase(large, count);
  const [baselines = [], figures = []] = await byTurns(context.runs, [
    () => measure(context, empty, 0, checks),
    () => measure(context, large, count, checks),
  ]);
  const note = `${count} settled, beside an empty database`;
  const row = (what: string, which: keyof Measured) => {
    const of = (some: readonly Measured[]) => some.map((one) => one[which]);
    const series = { figures: of(figures), baselines: of(baselines) };
    return rowOf(`cluster: 10 million, ${what}`, "ms", series, checks, note, TARGETS);
  };
  return [row("start", "startMs"), row("take-over", "takeOverMs"), row("summary", "summaryMs")];
}

async function measure(
  context: BenchContext,
  database: string,
  settled: number,
  checks: Checks,
): Promise<Measured> {
  await using workers = await Workers.over(database, context, { CLUSTER_ALLOW_SINGLE: "true" });
  const first = await workers.start();
  const startMs = first.readyMs;
  await workers.start();
  await workers.untilEven();
  const { summaryMs } = await mediansOf(SUMMARIES, {
    async summaryMs() {
      checks.equal("settled", totalOf(await summaryOf(workers.http)).count, settled);
    },
  });
  const second = workers.httpOf(1);
  const killedAtMs = performance.now();
  await first.kill();
  await until(
    "the other has all shards",
    async () => {
      const map = (await (await second.ask("/cluster")).json()) as ClusterMap;
      return map.workers.some((one) => one.name === "worker-2" && one.shards.length === SHARDS);
    },
    TAKEN_MS_MAX,
  );
  const takeOverMs = performance.now() - killedAtMs;
  checks.equal("settled afterwards", totalOf(await summaryOf(second)).count, settled);
  // The next start would wait for the lease of one that was killed.
  await workers.children[1]!.stop();
  return { startMs, takeOverMs, summaryMs };
}
