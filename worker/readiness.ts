/**
 * Tells whether the worker is ready, as far as the pipeline's thread can; another thread has to see
 * that it stands still (pulse.ts). Each trouble is an incident.
 */
import type { Clock } from "../shared/clock.ts";
import type { Readiness as Told, Reason } from "../shared/http-api/readiness.ts";
import type { Incidents } from "../shared/incidents.ts";
import type { IncidentKind } from "../shared/incidents/table.ts";
import type { Stranger } from "../shared/link/strangers.ts";
import { DRAINING } from "../shared/readiness.ts";

export type ReadinessParts = {
  readonly clock: Pick<Clock, "steadyMs">;
  readonly journal: {
    readonly trouble: string | null;
    readonly stats: { readonly failures: number };
    readonly checkpoints: {
      readonly failures: number;
      readonly failing: string | null;
      trouble(nowMs: number): string | null;
    };
    onCommitting: (isUnderWay: boolean) => void;
  };
  readonly pipeline: {
    readonly ledgerEnd: string | null;
    readonly verdicts: { readonly busy: number };
  };
  readonly http: {
    readonly pulse: {
      beat(nowMs: number): void;
      committing(isUnderWay: boolean): void;
    };
    setReadiness(readiness: Told): void;
  };
  readonly link: { strangers(): readonly Stranger[] };
  readonly incidents: Pick<Incidents, "tell">;
};

export class Readiness {
  readonly #parts: ReadinessParts;
  readonly #counts: () => Record<string, number>;
  /** Counters at the last tick: what a trouble has cost before it is seen counts too. */
  #before: Record<string, number> = {};
  #draining = false;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
    const { journal, pipeline } = parts;
    this.#counts = () => ({
      refused: pipeline.verdicts.busy,
      failedCommits: journal.stats.failures,
      failedCheckpoints: journal.checkpoints.failures,
    });
    parts.journal.onCommitting = (isUnderWay) => parts.http.pulse.committing(isUnderWay);
  }

  tick(): void {
    const { clock, journal, pipeline, http, link } = this.#parts;
    const nowMs = clock.steadyMs();
    http.pulse.beat(nowMs);
    this.#tell("journal-fails", journal.trouble);
    this.#tell("checkpoints-fail", journal.checkpoints.failing);
    this.#tell("ledger-end", pipeline.ledgerEnd);
    this.#before = this.#counts();
    const reasons = [
      reasonOf("journal", "the journal fails", journal.trouble),
      reasonOf("ledger-full", "the ledger is at its end", pipeline.ledgerEnd),
      reasonOf(
        "checkpoints",
        "checkpoints fail, and the journal's log grows",
        journal.checkpoints.trouble(nowMs),
      ),
    ].flat();
    http.setReadiness({
      reasons: this.#draining ? [DRAINING, ...reasons] : reasons,
      warnings: warningsAbout(link.strangers()),
    });
  }

  drain(): void {
    this.#draining = true;
    this.tick();
  }

  #tell(kind: IncidentKind, reason: string | null): void {
    const now =
      reason === null ? null : { details: { reason }, counts: this.#counts, from: this.#before };
    this.#parts.incidents.tell(kind, null, now);
  }
}

function reasonOf(code: string, what: string, reason: string | null): Reason[] {
  return reason === null ? [] : [{ code, detail: `${what}: ${reason}` }];
}

/**
 * An API with another secret is cut off and says so itself. The worker serves the others, and would be
 * put out of work by anybody who can send it a datagram if that made it red.
 */
function warningsAbout(strangers: readonly Stranger[]): Reason[] {
  if (strangers.length === 0) return [];
  const addresses = [...new Set(strangers.map(({ address }) => address))].join(", ");
  const detail = `frames were made with another LINK_SECRET; they come from ${addresses}`;
  return [{ code: "link-secret", detail, instances: strangers.map(({ instance }) => instance) }];
}
