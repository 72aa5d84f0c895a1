import { findingsText, list, type LegsReport } from "../report.ts";
import type { LullMs } from "./lull.ts";

/** How often a fault came, and the longest times without a 202 that came with it. */
export type Lull = { readonly count: number; readonly msMax: LullMs };

export type ClusterReport = LegsReport & {
  readonly faults: number;
  /** Standbys that followed nobody until they were copied anew, as an operator would. */
  readonly remade: number;
  /** Keys say what was done, as `kill worker` or `cut worker + kill primary`. */
  readonly lulls: ReadonlyMap<string, Lull>;
};

export function clusterText(report: ClusterReport): string {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  const lulls = [...report.lulls].sort(([a], [b]) => orderOf(a).localeCompare(orderOf(b)));
  const width = Math.max(0, ...lulls.map(([name]) => name.length));
  const lines = [
    "",
    `seed          ${report.seed}`,
    `faults        ${report.faults} in ${seconds(report.durationMs)}`,
    `acknowledged  ${report.acknowledged} payments`,
    `calls         ${list(report.calls)}`,
    `audits        ${report.legs}: ${report.idsChecked} ids, ${report.windows} windows`,
    `settle lag    at most ${seconds(report.settleLagMsMax)}`,
    `made anew     ${report.remade} standbys`,
    "",
    `${"fault".padEnd(width)}  times  longest without a 202  for one worker's shards`,
    ...lulls.map(([name, { count, msMax }]) => {
      const all = seconds(msMax.all).padEnd("longest without a 202".length);
      return `${name.padEnd(width)}  ${String(count).padStart(5)}  ${all}  ${seconds(msMax.worker)}`;
    }),
    "",
    ...findingsText(report),
  ];
  return `${lines.join("\n")}\n`;
}

/** Single faults stand before pairs. */
function orderOf(name: string): string {
  return `${name.includes("+") ? 1 : 0} ${name}`;
}
