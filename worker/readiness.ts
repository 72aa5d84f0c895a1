/**
 * Tells whether the worker is ready, as far as the pipeline's thread can; another thread has to see
 * that it stands still (pulse.ts). Each trouble is an incident.
 */
import type { Clock } from "../shared/clock.ts";
import type { Incidents } from "../shared/incidents.ts";
import type { IncidentKind } from "../shared/incidents/table.ts";

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
    setReadiness(reason: string | null): void;
  };
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
    const { clock, journal, pipeline, http } = this.#parts;
    const nowMs = clock.steadyMs();
    http.pulse.beat(nowMs);
    this.#tell("journal-fails", journal.trouble);
    this.#tell("checkpoints-fail", journal.checkpoints.failing);
    this.#tell("ledger-end", pipeline.ledgerEnd);
    this.#before = this.#counts();
    const reason = reasonOf({
      "the journal fails": journal.trouble,
      "the ledger is at its end": pipeline.ledgerEnd,
      "checkpoints fail, and the journal's log grows": journal.checkpoints.trouble(nowMs),
    });
    http.setReadiness(this.#draining ? "draining" : reason);
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

/** Names the first trouble there is, in one sentence; null when there is none. */
function reasonOf(troubles: Record<string, string | null>): string | null {
  for (const [what, reason] of Object.entries(troubles)) {
    if (reason !== null) return `${what}: ${reason}`;
  }
  return null;
}
