/**
 * Measures how many payments a second one API and one worker answer 202 at 64 connections, and how many they
 * settle of what comes, with JOURNAL_SYNC=normal and =full, against a bare Bun.serve that parses the same body and
 * answers 202.
 *
 * "Settling later" has processors that take a second, and since the limit of calls begins low and grows with the
 * answers, hardly a payment leaves until the load is over; this is the way to the 202 alone, accepted and durable.
 * "Whole payments" has processors that answer in no time, and share the machine with everything else: the rate
 * ends with the last payment settled. Code is warm by then, as the bare server's is, and nothing is left over from
 * before. In the end every 202 must be a row of the journal, and settled.
 *
 * CPU time a payment stands in the note: it moves less than rates do when the machine has something else to do,
 * and a container is given no more than so much of it.
 */
import type { JournalSync } from "../../worker/journal/store.ts";
import {
  byTurns,
  Checks,
  median,
  rowOf,
  type BenchContext,
  type Row,
  type Target,
} from "../benchmark.ts";
import { auditJournal, auditSums } from "./audit.ts";
import {
  acceptedOf,
  CONNECTIONS,
  generatorNs,
  loadBare,
  loadGateway,
  loadStack,
  type Load,
} from "./payments.ts";
import { startStack } from "./stack.ts";
import { plus } from "./sums.ts";

export const name = "system/accept-rate";

/** A rate, and nanoseconds of CPU time a payment of each process that had a part in it. */
type Turn = { readonly perSecond: number; readonly cpuNs: Readonly<Record<string, number>> };
type Measure = (context: BenchContext, load: Load, checks: Checks) => Promise<Turn>;

type Subject = { readonly what: string; readonly measure: Measure; readonly least?: number };

/** The first is what the others are compared with. */
const SUBJECTS: readonly Subject[] = [
  { what: "accept: bare, parsed", measure: bare },
  { what: "accept: normal, settling later", measure: later("normal"), least: 0.65 },
  { what: "accept: full, settling later", measure: later("full"), least: 0.55 },
  { what: "whole payments: normal", measure: whole("normal"), least: 0.5 },
  { what: "whole payments: full", measure: whole("full") },
];

export async function run(context: BenchContext): Promise<Row[]> {
  const load: Load = context.quick
    ? { warmupMs: 50, durationMs: 100, ratePerSecond: null }
    : { warmupMs: 3_000, durationMs: 3_000, ratePerSecond: null };
  const all = SUBJECTS.map(({ what, measure, least }) => {
    return { what, measure, least, checks: new Checks() };
  });
  const measures = all.map(
    ({ measure, checks }) =>
      () =>
        measure(context, load, checks),
  );
  const results = await byTurns(context.runs, measures);
  const baselines = ratesOf(results[0]!);
  return all.map(({ what, least, checks }, i) => {
    const turns = results[i]!;
    const series = { figures: ratesOf(turns), ...(i === 0 ? {} : { baselines }) };
    const targets: Target[] = least === undefined ? [] : [{ op: ">=", value: least, of: "ratio" }];
    return rowOf(what, "/s", series, checks, noteOf(turns), targets);
  });
}

async function bare(_: BenchContext, load: Load, checks: Checks): Promise<Turn> {
  const report = await loadBare("parse", load, checks);
  return {
    perSecond: report.perSecond,
    cpuNs: { server: report.cpuNs, load: generatorNs(report) },
  };
}

function later(sync: JournalSync): Measure {
  return async (context, load, checks) => {
    const options = { sync, delayMs: 1_000 };
    const report = await loadGateway(context, options, load, checks);
    const { api, worker } = report.cpuNs;
    return { perSecond: report.perSecond, cpuNs: { api, worker, load: generatorNs(report) } };
  };
}

function whole(sync: JournalSync): Measure {
  return async (context, { warmupMs, ...load }, checks) => {
    await using stack = await startStack(context, { sync });
    const first = { ...load, warmupMs: 0, durationMs: warmupMs };
    const warm = acceptedOf(await loadStack(stack, first, checks));
    await auditSums(stack, warm, checks);
    const before = stack.cpuMs();
    const report = await loadStack(stack, { ...load, warmupMs: 0 }, checks);
    const endMs = performance.now();
    const accepted = plus(warm, acceptedOf(report));
    await auditSums(stack, accepted, checks);
    const tookMs = load.durationMs + performance.now() - endMs;
    const after = stack.cpuMs();
    await auditJournal(stack, accepted, checks);
    const each = (of: keyof typeof after) => ((after[of] - before[of]) / report.answered) * 1e6;
    const [api, worker, processors] = [each("api"), each("worker"), each("processors")];
    return {
      perSecond: (report.answered / tookMs) * 1_000,
      cpuNs: { api, worker, processors, load: generatorNs(report) },
    };
  };
}

function ratesOf(turns: readonly Turn[]): number[] {
  return turns.map(({ perSecond }) => perSecond);
}

function noteOf(turns: readonly Turn[]): string {
  const parts = Object.keys(turns[0]!.cpuNs).map((part) => {
    const ns = median(turns.map(({ cpuNs }) => cpuNs[part]!));
    return `${part} ${(ns / 1e3).toFixed(1)}`;
  });
  return `${CONNECTIONS} connections; µs of CPU a payment: ${parts.join(", ")}`;
}
