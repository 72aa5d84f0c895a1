/**
 * The gap of a restore: what processors have recorded since the copy was made, and the journal has not
 * found again. Until an operator trusts the journal, a difference is that gap and no drift.
 */
import type { AuditReport, ProcessorAudit, Restored } from "../../shared/http-api/audit.ts";

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
