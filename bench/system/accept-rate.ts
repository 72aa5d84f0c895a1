/**
 * Measures how many payments a second one API and one worker answer 202 at 64 connections, with
 * JOURNAL_SYNC=normal and =full, against a bare Bun.serve that parses the same body and answers 202; and
 * that one against one that does not even read the body, which also shows what the load generator can do.
 *
 * "Settling at once" has processors that answer in no time, and share the machine with everything else;
 * the worker dispatches all the while, as fast as it lets itself, so that these rows have the targets.
 * "Settling later" has processors that take a second, and since the limit of calls begins low and grows
 * with the answers, hardly a payment leaves until the load is over; this is the way to the 202 alone. The
 * processors' share of the cores stands in the note. In the end every 202 must be a row of the journal,
 * and settled.
 *
 * CPU time a payment is measured beside it (where there is /proc): it moves less than rates do when the
 * machine has something else to do, and a container is given no more than so much of it.
 */
import { existsSync } from "node:fs";
import { Checks, median, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import {
  CONNECTIONS,
  loadBare,
  loadGateway,
  type BareReport,
  type GatewayReport,
  type Load,
} from "./payments.ts";
import type { StackOptions } from "./stack.ts";

export const name = "system/accept-rate";

const GATEWAYS: readonly { what: string; options: StackOptions; targets: Target[] }[] = [
  { what: "normal, settling at once", options: { sync: "normal" }, targets: [atLeast(0.5)] },
  { what: "full, settling at once", options: { sync: "full" }, targets: [atLeast(0.4)] },
  { what: "normal, settling later", options: { sync: "normal", delayMs: 1_000 }, targets: [] },
  { what: "full, settling later", options: { sync: "full", delayMs: 1_000 }, targets: [] },
];

export async function run(context: BenchContext): Promise<Row[]> {
  const load: Load = context.quick
    ? { warmupMs: 50, durationMs: 100, ratePerSecond: null }
    : { warmupMs: 750, durationMs: 1_500, ratePerSecond: null };
  const unread = { checks: new Checks(), reports: [] as BareReport[] };
  const parsed = { checks: new Checks(), reports: [] as BareReport[] };
  const gateways = GATEWAYS.map(({ what, options, targets }) => ({
    what,
    options,
    targets,
    checks: new Checks(),
    reports: [] as GatewayReport[],
  }));
  for (let round = 0; round < context.runs; round++) {
    unread.reports.push(await loadBare("unread", load, unread.checks));
    parsed.reports.push(await loadBare("parse", load, parsed.checks));
    for (const { options, checks, reports } of gateways) {
      reports.push(await loadGateway(context, options, load, checks));
    }
  }
  const baselines = ratesOf(parsed.reports);
  return [
    rowOf(
      "accept: bare, unread",
      "/s",
      { figures: ratesOf(unread.reports) },
      unread.checks,
      "202 to whatever comes",
    ),
    rowOf(
      "accept: bare, parsed",
      "/s",
      { figures: baselines, baselines: ratesOf(unread.reports) },
      parsed.checks,
      "JSON.parse, then 202; against unread",
    ),
    ...gateways.map(({ what, targets, checks, reports }) => {
      const note = `${CONNECTIONS} connections, against bare, parsed; ${noteOf(reports)}`;
      const series = { figures: ratesOf(reports), baselines };
      return rowOf(`accept: ${what}`, "/s", series, checks, note, targets);
    }),
    ...(existsSync("/proc/self/stat") ? cpuRows(parsed.reports, gateways) : []),
  ];
}

function atLeast(value: number): Target {
  return { op: ">=", value, of: "ratio" };
}

type Measured = {
  readonly what: string;
  readonly checks: Checks;
  readonly reports: readonly GatewayReport[];
};

function cpuRows(parsed: readonly BareReport[], gateways: readonly Measured[]): Row[] {
  const row = (
    what: string,
    of: string,
    figure: (report: GatewayReport) => number,
    baselines: readonly number[] | undefined,
    note: string,
  ) => {
    const { reports, checks } = gateways.find((gateway) => gateway.what === of) as Measured;
    const figures = reports.map(figure);
    const series = baselines === undefined ? { figures } : { figures, baselines };
    return rowOf(`CPU a payment: ${what}`, "ns", series, checks, note);
  };
  const bare = parsed.map(({ cpuNs }) => cpuNs);
  const later = "full, settling later";
  return [
    row("api", later, ({ cpuNs }) => cpuNs.api, bare, "against the bare server that parses"),
    row("worker, accepting", later, ({ cpuNs }) => cpuNs.worker, undefined, later),
    row(
      "worker, in all",
      "full, settling at once",
      ({ cpuNs }) => cpuNs.workerInAll,
      undefined,
      "from the first payment to the last settled",
    ),
  ];
}

function ratesOf(reports: readonly { readonly perSecond: number }[]): number[] {
  return reports.map(({ perSecond }) => perSecond);
}

function noteOf(reports: readonly GatewayReport[]): string {
  const of = (figure: (report: GatewayReport) => number) => median(reports.map(figure));
  const settled = Math.round(of(({ settledPerSecond }) => settledPerSecond));
  const p99 = of(({ p99Ms }) => p99Ms).toFixed(1);
  const part = Math.round(of(({ processorsPart }) => processorsPart) * 100);
  return `p99 ${p99} ms, ${settled}/s settled meanwhile, processors took ${part} % of a core`;
}
