/**
 * Measures several workers over one PostgreSQL, whose commits wait for one of two standbys: how many payments a
 * second are accepted, how many are settled, and what each costs the workers and the primary. The baseline is one
 * worker with SQLite on the same disk, under the same load. Everything shares one machine's cores, the three
 * databases and the load too, so that more workers show what they cost, and not what machines of their own
 * would bring.
 */
import { startPostgres, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { familyCpuMsOf } from "../../testing/proc.ts";
import { byTurns, Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { auditSums } from "./audit.ts";
import { acceptedOf, runLoad, type Load } from "./payments.ts";
import { startStack, type BenchStack } from "./stack.ts";
import { NONE, plus } from "./sums.ts";
import { Workers } from "./workers.ts";

export const name = "system/cluster";

const WORKERS = { quick: [1, 2], full: [1, 2, 4] };
/** So many payments are under way at once that commits are batches, though each waits for a standby. */
const CONNECTIONS = 256;
/** Time of load for each worker before anything counts, so that the code of each is compiled by then. */
const WARMUP_MS = 6_000;
/** Room for what piles up while more is accepted than settled. */
const SETTINGS = { BACKLOG_MAX: "1000000" };

type Gateway = Pick<BenchStack, "workerHttp" | "before" | "processors"> & {
  readonly port: number;
  /** CPU time up to now, in milliseconds: of all workers, and of the primary where there is one. */
  cpuMs(): Spent;
};
type Spent = { readonly workers: number; readonly primary: number };
type Measured = {
  readonly accepted: number;
  readonly whole: number;
  readonly workersNs: number;
  readonly primaryNs: number;
};

export async function run(context: BenchContext): Promise<Row[]> {
  if (WHY_NO_POSTGRES !== null) throw new Error(WHY_NO_POSTGRES);
  const checks = new Checks();
  const counts = context.quick ? WORKERS.quick : WORKERS.full;
  const [baselines = [], ...results] = await byTurns(context.runs, [
    () => measureSqlite(context, checks),
    ...counts.map((workers) => () => measureWorkers(context, workers, checks)),
  ]);
  return counts.flatMap((workers, i) => {
    const figures = results[i]!;
    const of = (what: keyof Measured) => ({
      figures: figures.map((one) => one[what]),
      baselines: baselines.map((one) => one[what]),
    });
    const who = workers === 1 ? "1 worker" : `${workers} workers`;
    const note = "beside one worker with SQLite, full";
    const primary = { figures: figures.map(({ primaryNs }) => primaryNs) };
    return [
      rowOf(`cluster: ${who}, accepted`, "/s", of("accepted"), checks, note),
      rowOf(`cluster: ${who}, whole payments`, "/s", of("whole"), checks, note),
      rowOf(`cluster: ${who}, CPU of the workers`, "ns", of("workersNs"), checks, "a payment"),
      rowOf(`cluster: ${who}, CPU of the primary`, "ns", primary, checks, "a payment"),
    ];
  });
}

async function measureSqlite(context: BenchContext, checks: Checks): Promise<Measured> {
  await using stack = await startStack(context, { sync: "full", env: SETTINGS });
  const { workerHttp, before, processors, port, worker } = stack;
  const cpuMs = () => ({ workers: worker.cpuMs(), primary: 0 });
  return await measure(context, { workerHttp, before, processors, port, cpuMs }, 1, checks);
}

async function measureWorkers(
  context: BenchContext,
  count: number,
  checks: Checks,
): Promise<Measured> {
  await using postgres = await startPostgres({ standbys: 2 });
  await using workers = await Workers.over(await postgres.database(), context, SETTINGS);
  while (workers.children.length < count) await workers.start();
  const port = await workers.startApi();
  await workers.untilEven();
  const { http: workerHttp, processors } = workers;
  const before = processors.map(() => NONE);
  const cpuMs = () => ({ workers: workers.cpuMs(), primary: familyCpuMsOf(postgres.child.pid) });
  return await measure(context, { workerHttp, before, processors, port, cpuMs }, count, checks);
}

async function measure(
  { quick }: BenchContext,
  gateway: Gateway,
  workers: number,
  checks: Checks,
): Promise<Measured> {
  const load = (durationMs: number): Load => {
    return { warmupMs: 0, durationMs, ratePerSecond: null, connections: CONNECTIONS };
  };
  const paid = (durationMs: number) => runLoad(gateway, load(durationMs), true, checks);
  const before = acceptedOf(await paid(quick ? 100 : WARMUP_MS * workers));
  await auditSums(gateway, before, checks);
  const from = gateway.cpuMs();
  const startMs = performance.now();
  const report = await paid(quick ? 100 : 4_000);
  await auditSums(gateway, plus(before, acceptedOf(report)), checks);
  const tookMs = performance.now() - startMs;
  const { perSecond, answered } = report;
  const to = gateway.cpuMs();
  const each = (who: keyof Spent) => ((to[who] - from[who]) / answered) * 1e6;
  const whole = (answered / tookMs) * 1_000;
  return { accepted: perSecond, whole, workersNs: each("workers"), primaryNs: each("primary") };
}
