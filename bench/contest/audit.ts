/** The contest's audit: how many payments the gateway counts in a window, and how many the processors. */
import type { Window } from "../../testing/gateway.ts";

const WINDOW_BEGIN_MS = 15_000;
const WINDOW_END_MS = 1_500;
/** Time between audits in a test of full length; a shorter one has as many audits. */
const EVERY_MS = 10_000;
const AUDITS = 6;

/** Counts by processor. No answer counts as nothing, as in the original test. */
export type Counts = Readonly<Record<string, number | null>>;

export type AuditResult = {
  readonly atMs: number;
  readonly gateway: Counts;
  readonly processors: Counts;
  /** Payments by which the two sums differ. */
  readonly difference: number;
};

export function auditTimesMs(durationMs: number): number[] {
  const everyMs = Math.min(EVERY_MS, durationMs / AUDITS);
  return Array.from({ length: Math.ceil(durationMs / everyMs) }, (_, audit) => audit * everyMs);
}

export function windowOf(nowMs: number): Window {
  return { fromMs: nowMs - WINDOW_BEGIN_MS, toMs: nowMs - WINDOW_END_MS };
}

/** |Σ gateway − Σ processors|: which processor has a payment makes no difference to this audit. */
export function compare(atMs: number, gateway: Counts, processors: Counts): AuditResult {
  const difference = Math.abs(sumOf(gateway) - sumOf(processors));
  return { atMs, gateway, processors, difference };
}

function sumOf(counts: Counts): number {
  return Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}
