/**
 * Measures how many payments a second a worker settles out of a backlog at two processors, at a
 * delay of 0 and of 100 ms, against a bare loop that posts to the same two, as many at a time, and
 * remembers nothing. The backlog is in the journal when the worker starts, as after an outage.
 * Patience is 0, so that the dear processor is due as well: the worker is measured, not the policy.
 * The rate is the slope of the summary's count between an eighth and seven eighths of the backlog.
 */
import { SqliteStore } from "../../worker/journal/store.ts";
import type { Transition } from "../../worker/transitions.ts";
import { byTurns, Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { uuidFrom, seededRandom } from "../../testing/random.ts";
import { auditJournal, auditSums } from "./audit.ts";
import type { ClientPlan, ClientReport } from "./charges.ts";
import { simulateBy } from "../../testing/stack.ts";
import { CHILD, LIGHT_PROCESSOR, reportOf } from "./children.ts";
import { startStack, type BenchStack } from "./stack.ts";
import { summaryOf, sumsOf, totalOf } from "./sums.ts";

export const name = "system/settle-rate";

/** Calls that the worker's own hard cap lets it have at one of two processors. */
const IN_FLIGHT = 640;
/**
 * A delay bounds what can be settled by the calls in flight: the target is nine tenths of that, at both.
 */
const DELAYS = [
  { delayMs: 0, least: 10_000 },
  { delayMs: 100, least: 0.9 * ((2 * IN_FLIGHT) / 0.1) },
];
const AMOUNT_CENTS = 1_990;
const BATCH = 1_000;
const POLL_MS = 20;

export async function run(context: BenchContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { delayMs, least } of DELAYS) {
    const checks = new Checks();
    const [baselines = [], figures = []] = await byTurns(context.runs, [
      () => bareRate(context, delayMs, checks),
      () => workerRate(context, delayMs, checks),
    ]);
    const note = `both processors, full; against a bare fetch loop, ${IN_FLIGHT} at a time each`;
    const target = { op: ">=", value: least, of: "figure" } as const;
    const series = { figures, baselines };
    rows.push(rowOf(`settle: delay ${delayMs} ms`, "/s", series, checks, note, [target]));
  }
  return rows;
}

/** Settles a backlog. */
async function workerRate(context: BenchContext, delayMs: number, checks: Checks): Promise<number> {
  const backlog = context.quick ? 1_000 : 24_000;
  await using stack = await startStack(context, {
    sync: "full",
    delayMs,
    apis: 0,
    prepare: (journal) => fill(journal, backlog),
    env: { PATIENCE_MS: "0" },
  });
  const rate = await slope(stack, backlog);
  const accepted = { count: backlog, cents: backlog * AMOUNT_CENTS };
  await auditSums(stack, accepted, checks);
  await auditJournal(stack, accepted, checks);
  return rate;
}

async function slope(stack: BenchStack, backlog: number): Promise<number> {
  let from = { atMs: performance.now(), count: 0 };
  for (;;) {
    const { count } = totalOf(await summaryOf(stack.workerHttp));
    const atMs = performance.now();
    // A tiny backlog may be done before the first look: then it is timed from the start.
    if (count >= (7 * backlog) / 8) return ((count - from.count) / (atMs - from.atMs)) * 1_000;
    if (from.count === 0 && count >= backlog / 8) from = { atMs, count };
    await Bun.sleep(POLL_MS);
  }
}

function fill(journal: string, backlog: number): void {
  const random = seededRandom(5);
  const acceptedAtMs = Date.now();
  const store = new SqliteStore(journal, "off", ["default", "fallback"], acceptedAtMs);
  for (let seq = 1; seq <= backlog; seq += BATCH) {
    const accepts = Array.from(
      { length: Math.min(BATCH, backlog - seq + 1) },
      (_, at): Transition => ({
        kind: "accept",
        seq: seq + at,
        correlationId: uuidFrom(random),
        amountCents: AMOUNT_CENTS,
        acceptedAtMs,
        assignment: null,
      }),
    );
    store.apply(accepts);
  }
  store.checkpoint();
  store.close();
}

async function bareRate({ quick }: BenchContext, delayMs: number, checks: Checks): Promise<number> {
  const { admins, children } = await simulateBy(LIGHT_PROCESSOR, CHILD);
  await using running = new AsyncDisposableStack();
  for (const child of children) running.use(child);
  for (const admin of admins) await admin.setDelay(delayMs);
  const report = await reportOf<ClientReport>("bench/bare-client.ts", {
    urls: admins.map(({ url }) => url),
    inFlight: quick ? 64 : IN_FLIGHT,
    warmupMs: quick ? 50 : 1_000,
    durationMs: quick ? 200 : 2_000,
  } satisfies ClientPlan);
  checks.equal("calls that were not accepted", report.others, 0);
  const { count } = totalOf(await sumsOf(admins));
  checks.equal("what the processors recorded", count, report.accepted);
  return report.perSecond;
}
