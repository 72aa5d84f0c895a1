import type { Collected, Violation } from "../audit.ts";
import type { LoadResult } from "./load.ts";

export type StormReport = {
  readonly seed: number;
  readonly payments: number;
  readonly load: LoadResult;
  readonly kills: { readonly worker: number; readonly api: number };
  /** Time from the end of the load, with the processors healed, until everything was settled. */
  readonly settleLagMs: number;
  readonly collected: Collected;
  readonly violations: readonly Violation[];
  /** Stories of the payments in question, from the journal. */
  readonly stories: readonly string[];
  /** Lines of the processes, when there is a violation. */
  readonly log: readonly string[];
};

const VIOLATIONS_SHOWN = 20;
const LOG_SHOWN = 100;

export function reportText(report: StormReport): string {
  const { load, kills, collected, violations } = report;
  const outcomes = countBy(load.answers.map(({ outcome }) => outcome));
  const states = countBy(
    [...collected.statuses.values()].map((status) =>
      status === "missing" ? status : status.status,
    ),
  );
  const charged = [...collected.recorded].map(([name, rows]) => `${name} ${rows.length}`);
  const kinds = countBy(violations.map(({ kind }) => kind));
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  const lines = [
    `seed        ${report.seed}`,
    `payments    ${report.payments}, submitted ${load.answers.length} times`,
    `answers     ${outcomes}`,
    `calls       ${Object.entries(load.calls)
      .map(([status, count]) => `${status}: ${count}`)
      .join(", ")}`,
    `kills       worker ${kills.worker}, APIs ${kills.api}`,
    `states      ${states}`,
    `charged     ${charged.join(", ")}`,
    `load        ${seconds(load.durationMs)}`,
    `acceptance to settlement  ${settlementText(collected)}`,
    `settle lag  ${seconds(report.settleLagMs)} after the load`,
    `windows     ${collected.windows.length}`,
    `violations  ${violations.length}${violations.length > 0 ? ` (${kinds})` : ""}`,
    ...violations
      .slice(0, VIOLATIONS_SHOWN)
      .map(({ kind, id, text }) => `  ${kind} ${id}: ${text}`),
  ];
  if (report.stories.length > 0) lines.push("", "in the journal:", ...report.stories);
  if (report.log.length > 0) lines.push("", "last lines:", ...report.log.slice(-LOG_SHOWN));
  return `${lines.join("\n")}\n`;
}

function settlementText({ statuses }: Collected): string {
  const spans = [...statuses.values()]
    .map((status) =>
      status === "missing" || status.settledAtMs === null
        ? null
        : status.settledAtMs - status.acceptedAtMs,
    )
    .filter((ms) => ms !== null)
    .sort((a, b) => a - b);
  const at = (share: number) => spans[Math.min(spans.length - 1, Math.floor(spans.length * share))];
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
}

function countBy(values: readonly string[]): string {
  return [...Map.groupBy(values, (value) => value)]
    .map(([value, all]) => `${value}: ${all.length}`)
    .join(", ");
}
