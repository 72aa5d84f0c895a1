/**
 * The gap of a restore: what processors have recorded since the copy was made, and the journal has not
 * found again. Until an operator trusts the journal, what a processor has more is that gap and no drift.
 * What one has less is a drift on any journal: no shop can repeat it away.
 */
import type { AuditReport, ProcessorAudit, Restored } from "../../shared/http-api/audit.ts";

/** True when all that differs may be what the journal has not found again. */
export function mayBeGap({ ours, theirs, differing }: Compared): boolean {
  const isMissing = differing.some(({ kind }) => kind === "missing");
  return !isMissing && theirs.count >= ours.count && theirs.cents >= ours.cents;
}

type Compared = Pick<ProcessorAudit, "ours" | "theirs" | "differing">;

/** A report with the gap in it, on a journal that was restored then; null: it was not. */
export function reportWith(
  processors: readonly ProcessorAudit[],
  restoredAtMs: number | null,
): AuditReport {
  if (restoredAtMs === null) return { processors };
  return {
    processors,
    restored: { at: new Date(restoredAtMs).toISOString(), ...gapOf(processors) },
  };
}

function gapOf(processors: readonly ProcessorAudit[]): Omit<Restored, "at"> {
  const sumOf = (key: "count" | "cents") =>
    processors.reduce((sum, { ours, theirs }) => sum + theirs[key] - ours[key], 0);
  return { payments: Math.max(0, sumOf("count")), cents: Math.max(0, sumOf("cents")) };
}
