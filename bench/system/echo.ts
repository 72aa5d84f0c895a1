/**
 * Measures what a payment takes at the contest's load beside an echo, which is the floor of this shape: the same
 * HAProxy, two servers that parse the body, and a second process that sends a few bytes back by UDP, with nothing
 * checked, stored or settled. 550 users post a payment, wait for the answer and then for a second, half a second
 * more or less, so that they do not clump; `--fixed-second` has them wait as the contest's do.
 *
 * CPU time is the kernel's account of every thread, taken by the generator at both ends of the measured part, and
 * so is how often main threads wake up; its own stands beside every figure. The order changes from round to
 * round. Without an answer from a processor payments pile up, and are settled afterwards, so that every one of
 * them is checked.
 */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { startHaproxy, WHY_NO_HAPROXY, type Balancer } from "../../testing/haproxy.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import {
  byTurns,
  Checks,
  differenceOf,
  median,
  ratiosOf,
  rowOf,
  type BenchContext,
  type Row,
  type Target,
} from "../benchmark.ts";
import type { LoadReport } from "../load/plan.ts";
import { auditJournal, auditSums, settledSince } from "./audit.ts";
import { startBares, type BareKind } from "./bare.ts";
import { acceptedOf, generatorNs, runLoad, spentNs, type Load } from "./payments.ts";
import { startStack, type BenchStack } from "./stack.ts";
import { totalOf } from "./sums.ts";

export const name = "system/echo";

/** A thread that takes less of a payment is not named. */
const TOLD_NS = 5_000;

const PARTS = ["worker", "APIs", "HAProxy"] as const;
type Part = (typeof PARTS)[number];
type Report = LoadReport & { readonly parts: readonly Part[] };
type Measure = (context: BenchContext, load: Load, checks: Checks) => Promise<Report>;

const ECHO = "echo";
const SUBJECTS: Readonly<Record<string, Measure>> = {
  "bare 202": loadBares("parse"),
  [ECHO]: loadBares("hop"),
  ours: loadGateway(2),
  "ours, processors unreachable": loadGateway(2, true),
  "ours, no HAProxy, one API": loadGateway(1),
};

type Figure = {
  readonly what: string;
  readonly unit: "ms" | "ns";
  readonly of: (report: Report) => number;
  /** Times as much as the echo, at most. */
  readonly most: number;
};

const FIGURES: readonly Figure[] = [
  { what: "p50", unit: "ms", of: ({ p50Ms }) => p50Ms, most: 1.5 },
  { what: "p99", unit: "ms", of: ({ p99Ms }) => p99Ms, most: 1.25 },
  { what: "CPU a payment", unit: "ns", of: (report) => cpuNs(report), most: 1.7 },
];

export async function run(context: BenchContext): Promise<Row[]> {
  if (WHY_NO_HAPROXY !== null || !existsSync("/proc/self/schedstat")) return [];
  const users = usersOf(context);
  const all = Object.entries(SUBJECTS).map(([what, measure]) => {
    return { what, measure, checks: new Checks() };
  });
  const measures = all.map(
    ({ measure, checks }) =>
      () =>
        measure(context, users, checks),
  );
  const results = await byTurns(context.runs, measures);
  const echoes = results[all.findIndex(({ what }) => what === ECHO)]!;
  return all.flatMap(({ what, checks }, i) =>
    FIGURES.map(({ what: figure, unit, most, of }) => {
      const reports = results[i]!;
      const isEcho = what === ECHO;
      const series = { figures: reports.map(of), ...(isEcho ? {} : { baselines: echoes.map(of) }) };
      const turns = isEcho ? "" : differenceOf(ratiosOf(unit, { baselines: [], ...series }));
      const parts = unit === "ns" ? partsOf(reports) : "";
      const late = median(reports.map(({ lateP99Ms }) => lateP99Ms)).toFixed(1);
      const load = `load ${microseconds(reports, generatorNs)} µs, late by ${late} ms at p99`;
      const note = [parts, load, turns];
      const target: Target = { op: ">=", value: 1 / most, of: "ratio" };
      return rowOf(
        `users: ${what}, ${figure}`,
        unit,
        series,
        checks,
        note.filter(Boolean).join("; "),
        what === "ours" ? [target] : [],
      );
    }),
  );
}

/** The contest's users, whose first 4 s do not count. */
export function usersOf({ isFixedSecond, quick }: BenchContext): Load {
  const thinkMs = isFixedSecond ? ([1_000, 1_000] as const) : ([500, 1_500] as const);
  const closed = { ratePerSecond: null };
  return quick
    ? { connections: 20, thinkMs: [50, 150], warmupMs: 200, durationMs: 300, ...closed }
    : { connections: 550, thinkMs, warmupMs: 4_000, durationMs: 10_000, ...closed };
}

/** Puts HAProxy before two bare servers. */
function loadBares(kind: BareKind): Measure {
  return async ({ directory }, load, checks) => {
    await using bare = await startBares(kind, 2);
    using folder = temporaryDirectory(directory);
    const [PORT, PORT_2] = bare.ports as [number, number];
    const ports = { PORT, PORT_2, HTTP_PORT: PORT };
    await using door = await startHaproxy({ ports, dataDir: folder.path, session: "ours" });
    const processes = { worker: bare.echoPids, APIs: bare.pids, HAProxy: [door.pid] };
    const report = await loadDoor(door.port, processes, load, false, checks);
    await bare.audit(acceptedOf(report), checks);
    return report;
  };
}

/** Puts HAProxy before two APIs, and nothing before one. */
function loadGateway(apis: 1 | 2, isUnreachable = false): Measure {
  return async (context, load, checks) => {
    await using stack = await startStack(context, { sync: "normal", apis });
    const processors = stack.site.processors.children;
    if (isUnreachable) for (const processor of processors) await processor.stop();
    await using door = apis === 2 ? await doorOf(stack) : null;
    const processes = {
      worker: [stack.worker.pid],
      APIs: stack.apis.map(({ pid }) => pid),
      HAProxy: door === null ? [] : [door.pid],
    };
    const report = await loadDoor(door?.port ?? stack.port, processes, load, true, checks);
    const accepted = acceptedOf(report);
    if (isUnreachable) {
      checks.equal("settled meanwhile", totalOf(await settledSince(stack)).count, 0);
      for (const [i, processor] of processors.entries()) {
        processor.env = { ...processor.env, PORT: new URL(stack.processors[i]!.url).port };
        await processor.startAndWait();
      }
    }
    await auditSums(stack, accepted, checks);
    await auditJournal(stack, accepted, checks);
    return report;
  };
}

/** Starts HAProxy before two APIs. */
export function doorOf({ gateways, workerHttp, journalPath }: BenchStack): Promise<Balancer> {
  const [PORT, PORT_2, HTTP_PORT] = [...gateways, workerHttp].map(({ url }) =>
    Number(new URL(url).port),
  ) as [number, number, number];
  const ports = { PORT, PORT_2, HTTP_PORT };
  return startHaproxy({ ports, dataDir: dirname(journalPath), session: "ours" });
}

async function loadDoor(
  port: number,
  processes: Record<Part, readonly number[]>,
  load: Load,
  location: boolean,
  checks: Checks,
): Promise<Report> {
  const pids = PARTS.flatMap((part) => processes[part]);
  const parts = PARTS.flatMap((part) => processes[part].map(() => part));
  return { ...(await runLoad({ port, pids }, load, location, checks)), parts };
}

function cpuNs(report: Report, part: Part | null = null): number {
  const each = report.parts.map((of, at) =>
    part === null || of === part ? spentNs(report, at) : 0,
  );
  return each.reduce((sum, ns) => sum + ns, 0);
}

/** Says what each part of the system takes, and which threads of the worker. */
function partsOf(reports: readonly Report[]): string {
  const used = PARTS.filter((part) => reports[0]!.parts.includes(part));
  const parts = used.map((part) => `${part} ${microseconds(reports, (one) => cpuNs(one, part))}`);
  const wakes = used.map((part) => median(reports.map((one) => wakesOf(one, part))).toFixed(2));
  const { spent, measured } = reports.at(-1)!;
  const threads = spent[0]!
    .map(({ name: thread, ms }) => ({ thread, ns: (ms / measured) * 1e6 }))
    .filter(({ ns }) => ns >= TOLD_NS)
    .map(({ thread, ns }) => `${thread} ${Math.round(ns / 1e3)}`);
  const told = used.includes("worker") && threads.length > 1 ? ` (${threads.join(", ")})` : "";
  return `${parts.join(", ")} µs${told}, in ${wakes.join(", ")} wakes`;
}

/** Times that the main threads of a part wake up for a payment. */
function wakesOf({ parts, wakes, measured }: Report, part: Part): number {
  return wakes.reduce((sum, count, at) => sum + (parts[at] === part ? count : 0), 0) / measured;
}

function microseconds(reports: readonly Report[], of: (report: Report) => number): string {
  return Math.round(median(reports.map(of)) / 1e3).toString();
}
