import type { Child } from "../../testing/process.ts";
import type { Violation } from "../system/audit.ts";
import type { RelayStats } from "../../testing/relay.ts";
import type { RoundKind } from "./round.ts";

/** The part that a run of one machine and one of several have in common. */
export type LegsReport = {
  readonly seed: number;
  readonly legs: number;
  /** Payments that were answered 202. */
  readonly acknowledged: number;
  /** Calls by status; `broken` is a call that got no answer. */
  readonly calls: Readonly<Record<string, number>>;
  /** Statuses that were compared with answers and processors; earlier ones of a journal again. */
  readonly idsChecked: number;
  readonly windows: number;
  readonly settleLagMsMax: number;
  readonly durationMs: number;
  readonly violations: readonly Finding[];
  /** Lines of the journal and the processes about them. */
  readonly evidence: readonly string[];
};

export type KillReport = LegsReport & {
  readonly kills: number;
  readonly rounds: Readonly<Partial<Record<RoundKind, number>>>;
  /** Null without kinds: payments decided by hand, starts with another fee, rejected in all audits. */
  readonly kinds: {
    readonly decided: number;
    readonly feeChanges: number;
    readonly rejected: number;
  } | null;
  /** Null without webhooks: kills of the shop, ends that it was told of, and webhooks that it had already. */
  readonly webhooks: {
    readonly kills: number;
    readonly told: number;
    readonly repeated: number;
  } | null;
  /** Processors by who wrote them, counted anew for every journal. */
  readonly processors: { readonly simulated: number; readonly independent: number };
  /** Calls under way that were written down, summaries among them, and by whom they were judged. */
  readonly history: {
    readonly operations: number;
    readonly summaries: number;
    readonly judged: string;
  };
  readonly relay: RelayStats;
};
export type Finding =
  | Violation
  /** A process ended by itself, or did not end when it was asked to. */
  | { readonly kind: "process"; readonly id: string; readonly text: string };

const VIOLATIONS_SHOWN = 20;

export function reportText(report: KillReport): string {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  const lines = [
    "",
    `seed          ${report.seed}`,
    `kills         ${report.kills} in ${seconds(report.durationMs)}`,
    `rounds        ${list(report.rounds)}`,
    `acknowledged  ${report.acknowledged} payments`,
    `calls         ${list(report.calls)}`,
    `processors    ${list(report.processors)}`,
    `history       ${list(report.history)}`,
    `network       ${list(report.relay)}`,
    `audits        ${report.legs}: ${report.idsChecked} ids, ${report.windows} windows`,
    `settle lag    at most ${seconds(report.settleLagMsMax)}`,
    ...(report.kinds === null ? [] : [`kinds         ${list(report.kinds)}`]),
    ...(report.webhooks === null ? [] : [`webhooks      ${list(report.webhooks)}`]),
    ...findingsText(report),
  ];
  return `${lines.join("\n")}\n`;
}

/** Lines about what was broken, and what processes said meanwhile. */
export function findingsText({
  violations,
  evidence,
}: Pick<LegsReport, "violations" | "evidence">): string[] {
  const kinds: Record<string, number> = {};
  for (const { kind } of violations) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return [
    `violations    ${violations.length}${violations.length > 0 ? ` (${list(kinds)})` : ""}`,
    ...violations
      .slice(0, VIOLATIONS_SHOWN)
      .map(({ kind, id, text }) => `  ${kind} ${id}: ${text}`),
    ...evidence,
  ];
}

export function list(counts: object): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name}: ${count}`)
    .join(", ");
}

export function addCounts(
  sum: Record<string, number>,
  more: Readonly<Record<string, number>>,
): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
}

/** The newest lines that each of them has said. */
export function lastWordsOf(children: readonly Child[], most: number): string[] {
  return children.flatMap(({ name, lines, errors }) => {
    return ["", `last lines of ${name}:`, ...lines.slice(-most), ...errors.slice(-most)];
  });
}
