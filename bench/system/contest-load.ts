/**
 * Measures what a contest's worth of load takes of the machine: 17 000 payments, the first 12 000 of them
 * in a sixth of the contest's time, the rest at its own 500 a second, which is the part whose CPU time
 * counts, from the first payment to the last settled. HAProxy stands in front, as haproxy.cfg has it,
 * where it is installed. Memory is what is resident in the end, the binaries' own pages included.
 */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { startHaproxy, WHY_NO_HAPROXY } from "../../testing/haproxy.ts";
import {
  Checks,
  rowOf,
  type BenchContext,
  type Row,
  type Target,
  type Unit,
} from "../benchmark.ts";
import { auditJournal, auditSums } from "./audit.ts";
import { acceptedOf, loadStack, type Load } from "./payments.ts";
import { startStack, type BenchStack, type Spent } from "./stack.ts";
import { plus } from "./sums.ts";

export const name = "system/contest-load";

const RATE = 500;

type Cpu = Spent & { readonly haproxy: number };
type Round = { readonly count: number; readonly cpuNs: Cpu; readonly memoryMb: Spent };

export async function run(context: BenchContext): Promise<Row[]> {
  if (!existsSync("/proc/self/status")) return [];
  const checks = new Checks();
  const rounds: Round[] = [];
  for (let round = 0; round < context.runs; round++) rounds.push(await contest(context, checks));
  const row = (
    what: string,
    unit: Unit,
    of: (round: Round) => number,
    note: string,
    most?: number,
  ) => rowOf(what, unit, { figures: rounds.map(of) }, checks, note, atMost(most));
  const haproxy = WHY_NO_HAPROXY === null ? "HAProxy" : "no HAProxy, which is not installed";
  const kept = `resident after ${rounds[0]?.count} payments; ${context.dist !== null ? "compiled" : "from source"}`;
  const cpu = `CPU a payment at ${RATE}/s`;
  const whole = ({ cpuNs: { api, worker, haproxy: door } }: Round) => api + worker + door;
  return [
    row(`${cpu}: the whole system`, "ns", whole, `one API, the worker and ${haproxy}`, 150_000),
    row(`${cpu}: api`, "ns", ({ cpuNs }) => cpuNs.api, "of these"),
    row(`${cpu}: worker`, "ns", ({ cpuNs }) => cpuNs.worker, "of these"),
    row("memory: api", "MB", ({ memoryMb }) => memoryMb.api, kept, 55),
    row("memory: worker", "MB", ({ memoryMb }) => memoryMb.worker, kept, 90),
  ];
}

function atMost(value: number | undefined): Target[] {
  return value === undefined ? [] : [{ op: "<=", value, of: "figure" }];
}

async function contest(context: BenchContext, checks: Checks): Promise<Round> {
  const { quick } = context;
  const first: Load = { warmupMs: 0, durationMs: quick ? 100 : 6_000, ratePerSecond: 2_000 };
  const steady: Load = { warmupMs: 0, durationMs: quick ? 200 : 10_000, ratePerSecond: RATE };
  await using stack = await startStack(context, { sync: "normal" });
  await using door = await startDoor(stack);
  const spent = (): Cpu => ({ ...stack.cpuMs(), haproxy: door.cpuMs() });

  const warm = acceptedOf(await loadStack(door, first, checks));
  await auditSums(stack, warm, checks);
  const before = spent();
  const measured = acceptedOf(await loadStack(door, steady, checks));
  const accepted = plus(warm, measured);
  await auditSums(stack, accepted, checks);
  const after = spent();
  const memoryMb = stack.memoryMb();
  await auditJournal(stack, accepted, checks);

  const each = (part: keyof Cpu) => ((after[part] - before[part]) / measured.count) * 1e6;
  const cpuNs = { api: each("api"), worker: each("worker"), haproxy: each("haproxy") };
  return { count: accepted.count, cpuNs, memoryMb };
}

/** Starts HAProxy in front of the stack, or gives the stack's own address. */
async function startDoor({ port, workerHttp, journalPath }: BenchStack) {
  if (WHY_NO_HAPROXY !== null) {
    return { port, cpuMs: () => 0, [Symbol.asyncDispose]: async () => {} };
  }
  const ports = { PORT: port, HTTP_PORT: Number(new URL(workerHttp.url).port) };
  return startHaproxy({ ports, dataDir: dirname(journalPath) });
}
