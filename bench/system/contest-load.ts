/**
 * Measures what a contest's worth of payments leaves in memory: 17 000 of them, the first 12 000 in a sixth of
 * the contest's time, the rest at its own 500 a second. Memory is what is resident in the end, the binaries' own
 * pages included.
 */
import { existsSync } from "node:fs";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { auditJournal, auditSums } from "./audit.ts";
import { acceptedOf, loadStack, type Load } from "./payments.ts";
import { startStack, type Spent } from "./stack.ts";
import { plus } from "./sums.ts";

export const name = "system/contest-load";

type Round = { readonly count: number; readonly memoryMb: Spent };

export async function run(context: BenchContext): Promise<Row[]> {
  if (!existsSync("/proc/self/status")) return [];
  const checks = new Checks();
  const rounds: Round[] = [];
  for (let round = 0; round < context.runs; round++) rounds.push(await contest(context, checks));
  const note = `resident after ${rounds[0]?.count} payments; ${context.dist !== null ? "compiled" : "from source"}`;
  const row = (what: keyof Spent, value: number) => {
    const figures = rounds.map(({ memoryMb }) => memoryMb[what]);
    return rowOf(`memory: ${what}`, "MB", { figures }, checks, note, [
      { op: "<=", value, of: "figure" },
    ]);
  };
  return [row("api", 55), row("worker", 90)];
}

async function contest(context: BenchContext, checks: Checks): Promise<Round> {
  const { quick } = context;
  const first: Load = { warmupMs: 0, durationMs: quick ? 100 : 6_000, ratePerSecond: 2_000 };
  const steady: Load = { warmupMs: 0, durationMs: quick ? 200 : 10_000, ratePerSecond: 500 };
  await using stack = await startStack(context, { sync: "normal" });
  const warm = acceptedOf(await loadStack(stack, first, checks));
  await auditSums(stack, warm, checks);
  const accepted = plus(warm, acceptedOf(await loadStack(stack, steady, checks)));
  await auditSums(stack, accepted, checks);
  const memoryMb = stack.memoryMb();
  await auditJournal(stack, accepted, checks);
  return { count: accepted.count, memoryMb };
}
