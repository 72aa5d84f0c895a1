/**
 * Asks the worker that audits for all, where several share a database, for what it has found: over HTTP, as APIs
 * do. Its last report is kept, for whoever watches this worker's page.
 */
import type { AuditReport } from "../../shared/http-api/audit.ts";
import type { Peer } from "../cluster/lead.ts";
import { PASSED_ON } from "../http/audit.ts";
import type { AuditedState } from "../standing.ts";
import { driftOf } from "./watch.ts";

const ANSWER_MS_MAX = 3_000;

export class LeadersAudit {
  readonly #leader: () => Peer | null;
  #last: AuditReport | null = null;

  /** `leader`: the worker that audits; null while none is known. */
  constructor(leader: () => Peer | null) {
    this.#leader = leader;
  }

  /** Its report, or one sentence on why there is none. */
  async report(): Promise<AuditReport | string> {
    const report = await this.#ask(this.#leader());
    this.#last = typeof report === "string" ? null : report;
    return report;
  }

  async #ask(leader: Peer | null): Promise<AuditReport | string> {
    if (leader === null) return "No worker audits at the moment: ask again in some seconds.";
    try {
      const response = await fetch(`${leader.http}/audit`, {
        headers: { [PASSED_ON]: "true" },
        redirect: "manual",
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      });
      if (!response.ok) throw new Error(`it answered ${response.status}`);
      return (await response.json()) as AuditReport;
    } catch (error) {
      const reason = (error as Error).message;
      return `Worker ${leader.name} audits, and cannot be asked at ${leader.http}: ${reason}`;
    }
  }

  /** The processors that it audits, as it said last. */
  audited(): AuditedState[] {
    const processors = this.#last?.processors ?? [];
    return processors.flatMap(({ name, state, error, differing, windows, differingMore }) => {
      if (state === "off" || state === "cannot") return [];
      const { driftPayments, driftCents } = driftOf({ differences: differing, windows });
      return { name, state, error, driftPayments: driftPayments + differingMore, driftCents };
    });
  }
}
