/**
 * Measures the end of an outage: both processors refuse while 100 000 payments are accepted, and
 * then they work again. The first figure is how long POST /payments takes at a steady 1 000 a
 * second while the backlog is settled, against the same load before the outage: the worker paces
 * itself while others come in. The second, after another outage, is how fast the backlog is settled
 * while no payments come, from the moment of healing, so that noticing it counts.
 */
import { Checks, median, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import type { LoadReport } from "../load/plan.ts";
import { auditJournal, auditSums, settledSince } from "./audit.ts";
import { acceptedOf, loadStack, steadily, type Load } from "./payments.ts";
import type { Sum } from "../../testing/gateway.ts";
import { startStack, type BenchStack } from "./stack.ts";
import { plus, totalOf } from "./sums.ts";

export const name = "system/outage";

const RATE = 1_000;
const POLL_MS = 20;
const DRAIN_MS_MAX = 60_000;

export async function run(context: BenchContext): Promise<Row[]> {
  const { quick } = context;
  const steady = steadily(RATE, context);
  const posted: Load = { warmupMs: 0, durationMs: quick ? 100 : 5_000, ratePerSecond: 20_000 };
  const checks = { drain: new Checks(), door: new Checks() };
  const rates: number[] = [];
  const before: LoadReport[] = [];
  const during: LoadReport[] = [];
  const meanwhile: number[] = [];
  for (let round = 0; round < context.runs; round++) {
    await using stack = await startStack(context, { sync: "normal" });
    const quiet = await loadStack(stack, steady, checks.door);
    let accepted = acceptedOf(quiet);
    await auditSums(stack, accepted, checks.door);

    accepted = plus(accepted, await outage(stack, posted, checks.door));
    const loading = loadStack(stack, steady, checks.door);
    await Bun.sleep(steady.warmupMs);
    await setFailing(stack, false);
    const drained = await loading;
    accepted = plus(accepted, acceptedOf(drained));
    const settled = totalOf(await settledSince(stack)).count - quiet.answered;
    if (!quick) checks.door.equal("whether any was settled meanwhile", settled > 0, true);
    meanwhile.push((settled / steady.durationMs) * 1_000);
    await auditSums(stack, accepted, checks.door);

    accepted = plus(accepted, await outage(stack, posted, checks.drain));
    rates.push(await drainRate(stack, accepted));
    await auditSums(stack, accepted, checks.drain);
    await auditJournal(stack, accepted, checks.drain);
    before.push(quiet);
    during.push(drained);
  }
  const backlog = (posted.durationMs / 1_000) * posted.ratePerSecond!;
  const p99 = (reports: readonly LoadReport[]) => reports.map(({ p99Ms }) => p99Ms);
  return [
    rowOf(
      "outage: drained, nobody at the door",
      "/s",
      { figures: rates },
      checks.drain,
      `backlog of ${backlog}, from healing to the last one settled`,
      [{ op: ">=", value: 8_000, of: "figure" }],
    ),
    rowOf(
      `outage: latency at ${RATE}/s while it drains, p99`,
      "ms",
      { figures: p99(during), baselines: p99(before) },
      checks.door,
      `against the same before the outage; twice as long at most; ${Math.round(median(meanwhile))}/s settled meanwhile`,
      [{ op: ">=", value: 1 / 2, of: "ratio" }],
    ),
  ];
}

/** Accepts payments while both processors refuse. */
async function outage(stack: BenchStack, posted: Load, checks: Checks): Promise<Sum> {
  await setFailing(stack, true);
  const settled = totalOf(await settledSince(stack)).count;
  const report = await loadStack(stack, posted, checks);
  checks.equal("settled meanwhile", totalOf(await settledSince(stack)).count - settled, 0);
  return acceptedOf(report);
}

async function drainRate(stack: BenchStack, accepted: Sum): Promise<number> {
  const waiting = accepted.count - totalOf(await settledSince(stack)).count;
  const startMs = performance.now();
  await setFailing(stack, false);
  for (;;) {
    const { count } = totalOf(await settledSince(stack));
    const tookMs = performance.now() - startMs;
    if (count >= accepted.count) return (waiting / tookMs) * 1_000;
    if (tookMs > DRAIN_MS_MAX) throw new Error(`${accepted.count - count} are not settled`);
    await Bun.sleep(POLL_MS);
  }
}

async function setFailing({ processors }: BenchStack, failing: boolean): Promise<void> {
  for (const processor of processors) await processor.setFailure(failing);
}
