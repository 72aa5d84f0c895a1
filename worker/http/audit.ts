/** Shows the audit: over HTTP, and as metrics of the processors that are audited. */
import { Gauge, type Registry } from "prom-client";
import type { AuditReport, ProcessorAudit } from "../../shared/http-api/audit.ts";
import { unavailable } from "../../shared/problem.ts";
import type { AuditedState } from "../standing.ts";
import { json, type Call } from "./route.ts";

/** Header of a question that another worker passes on: whoever gets it answers it. */
export const PASSED_ON = "papaleguas-passed-on";

export type AuditGauges = AuditedState & {
  readonly state: ProcessorAudit["state"];
  readonly equalUpToMs: number | null;
  readonly checkedAtMs: number | null;
};

export type AuditSource = {
  /** A sentence when the worker that audits for all cannot be asked. */
  report(isOwn: boolean): Promise<AuditReport | string>;
  gauges(): AuditGauges[];
  audited(): readonly AuditedState[];
};

export async function auditAnswer(audit: AuditSource, { request }: Call): Promise<Response> {
  const report = await audit.report(request.headers.has(PASSED_ON));
  return typeof report === "string" ? unavailable(report) : json(JSON.stringify(report));
}

export function registerAuditMetrics(registry: Registry, audit: Pick<AuditSource, "gauges">): void {
  const gauge = (name: string, help: string, valueOf: (of: AuditGauges) => number | null) =>
    new Gauge({
      name,
      help,
      labelNames: ["processor"],
      registers: [registry],
      collect() {
        this.reset();
        for (const each of audit.gauges()) {
          const value = valueOf(each);
          if (value !== null) this.set({ processor: each.name }, value);
        }
      },
    });
  const seconds = (ms: number | null) => (ms === null ? null : ms / 1_000);
  gauge(
    "papaleguas_audit_drift_payments",
    "Payments that differ between this gateway and the processor",
    ({ driftPayments }) => driftPayments,
  );
  gauge(
    "papaleguas_audit_drift_cents",
    "By how many cents the processor has recorded more than this gateway has settled there",
    ({ driftCents }) => driftCents,
  );
  gauge(
    "papaleguas_audit_equal_up_to_timestamp_seconds",
    "The requestedAt up to which both sides are equal",
    ({ equalUpToMs }) => seconds(equalUpToMs),
  );
  gauge(
    "papaleguas_audit_checked_timestamp_seconds",
    "When both sides were compared last",
    ({ checkedAtMs }) => seconds(checkedAtMs),
  );
}
