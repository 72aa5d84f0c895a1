/** Writes what a contest found, for people and for programs. */
import { decimalOf } from "../../shared/tariff.ts";
import { median } from "../benchmark.ts";
import type { AuditResult } from "./audit.ts";
import type { ContestOptions } from "./options.ts";
import type { RunReport } from "./run.ts";
import type { StrictReport } from "./strict.ts";
import { MILLION } from "./score.ts";
import { grouped, money } from "./text.ts";

const VIOLATIONS_SHOWN = 20;

/** The reasons for which the contest counts as failed, a few words each. */
export function faultsOf({ score, inconsistencies, strict }: RunReport): string[] {
  const faults: string[] = [];
  if (score.lag > 0) faults.push(`${grouped(score.lag)} payments not settled in time`);
  if (score.disqualified) {
    faults.push(`disqualified: ${grouped(-score.lag)} more payments settled than accepted`);
  }
  if (inconsistencies > 0) faults.push(`${grouped(inconsistencies)} inconsistencies`);
  const violations = strict?.violations.length ?? 0;
  if (violations > 0) faults.push(`${grouped(violations)} violations found by the strict audit`);
  return faults;
}

export function scorecard(report: RunReport, options: ContestOptions): string {
  const { score, accepted, failed, settled, latencies, strict, audits } = report;
  const { users, seconds, seed, weatherName } = options;
  const fees = Object.entries(score.feeMillionths).map(
    ([name, paid]) => `${name} ${money(paid)} for ${grouped(settled[name]?.count ?? 0)} payments`,
  );
  const settledCount = accepted - score.lag;
  const faults = faultsOf(report);
  const rows: [string, string][] = [
    ["contest", `${weatherName} weather, ${users} users, ${seconds} s, seed ${seed ?? "none"}`],
    ["score", money(score.scoreMillionths)],
    ["net", `${money(score.netMillionths)} of ${money(score.grossMillionths)}`],
    ["fees", fees.join(", ")],
    ["p50", `${latencies.p50Ms} ms, of ${grouped(latencies.calls)} successful calls`],
    ["p99", `${latencies.p99Ms} ms`],
    ["p99.9", `${latencies.p999Ms} ms`],
    ["max", `${latencies.maxMs} ms`],
    ["bonus", percent(score.bonus)],
    ["fine", percent(score.fine)],
    [
      "lag",
      `${grouped(score.lag)} (accepted ${grouped(accepted)}, settled ${grouped(settledCount)})`,
    ],
    ["inconsistencies", `${grouped(report.inconsistencies)} in ${audits.length} audits`],
    ...audits.filter(({ difference }) => difference > 0).map(auditRow),
    [
      "calls",
      Object.entries(report.calls)
        .map(([key, count]) => `${key}: ${grouped(count)}`)
        .join(", "),
    ],
    ["own CPU", `${(report.ownCpu * 100).toFixed(1)} % of a core`],
    ...(strict === null ? [] : strictRows(strict)),
    ["verdict", faults.length === 0 ? "passed" : `FAILED: ${faults.join("; ")}`],
  ];
  if (failed > 0) rows.splice(-1, 0, ["failed posts", grouped(failed)]);
  return table(rows);
}

function auditRow({ atMs, gateway, processors }: AuditResult): [string, string] {
  const side = (counts: AuditResult["gateway"]) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count === null ? "no answer" : grouped(count)}`)
      .join(", ");
  return [`  at ${atMs / 1_000} s`, `gateway: ${side(gateway)}; processors: ${side(processors)}`];
}

function strictRows(strict: StrictReport): [string, string][] {
  const { violations, payments, charged, windows, drainMs, takenUnanswered } = strict;
  const charges = Object.entries(charged).map(([name, count]) => `${name} ${grouped(count)}`);
  const kinds = [...Map.groupBy(violations, ({ kind }) => kind)].map(
    ([kind, all]) => `${kind} ${grouped(all.length)}`,
  );
  const found = violations.length === 0 ? "clean" : kinds.join(", ");
  const unanswered =
    takenUnanswered > 0 ? `, ${takenUnanswered} of them taken without a good answer` : "";
  return [
    ["strict", `${found}; ${grouped(payments)} payments${unanswered}, ${windows} windows`],
    ["  charged", charges.join(", ")],
    ["  settled", `${(drainMs / 1_000).toFixed(1)} s after the end at the latest`],
    ...violations
      .slice(0, VIOLATIONS_SHOWN)
      .map(({ kind, id, text }): [string, string] => [`  ${kind}`, `${id}: ${text}`]),
  ];
}

/** Medians of several contests, and between which values they lie. */
export function medians(reports: readonly RunReport[]): string {
  const row = (
    name: string,
    figure: (report: RunReport) => number,
    text: (value: number) => string,
  ): [string, string] => {
    const values = reports.map(figure);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return [name, `${text(median(values))} (${text(least)} to ${text(most)})`];
  };
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  const units = (value: number) => money(BigInt(Math.round(value * 100)) * MILLION);
  return table([
    ["medians", `of ${reports.length} contests`],
    row("score", ({ score }) => unitsOf(score.scoreMillionths), units),
    row("net", ({ score }) => unitsOf(score.netMillionths), units),
    row("p50", ({ latencies }) => latencies.p50Ms, ms),
    row("p99", ({ latencies }) => latencies.p99Ms, ms),
    row("p99.9", ({ latencies }) => latencies.p999Ms, ms),
    row("max", ({ latencies }) => latencies.maxMs, ms),
    row("lag", ({ score }) => score.lag, String),
    row("inconsistencies", ({ inconsistencies }) => inconsistencies, String),
  ]);
}

/** Money as decimals, times in milliseconds. */
export function jsonReport(reports: readonly RunReport[], options: ContestOptions): string {
  const { site, users, seconds, seed, weatherName } = options;
  const runs = reports.map((report) => {
    const { score, ...rest } = report;
    const { scoreMillionths, netMillionths, grossMillionths, feeMillionths, ...others } = score;
    return {
      passed: faultsOf(report).length === 0,
      faults: faultsOf(report),
      score: unitsOf(scoreMillionths),
      net: unitsOf(netMillionths),
      gross: unitsOf(grossMillionths),
      fees: Object.fromEntries(
        Object.entries(feeMillionths).map(([name, paid]) => [name, unitsOf(paid)]),
      ),
      ...others,
      ...rest,
    };
  });
  const contest = { target: site.url, weather: weatherName, users, seconds, seed };
  return `${JSON.stringify({ ...contest, medianScore: median(runs.map(({ score }) => score)), runs }, null, 2)}\n`;
}

/** The number that JSON writes with the same digits, as long as it has 15 or fewer. */
function unitsOf(millionths: bigint): number {
  return Number(decimalOf(millionths));
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join("");
}
