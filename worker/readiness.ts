/**
 * Tells whether the worker is ready, as far as the pipeline's thread can; another thread has to see
 * that it stands still (pulse.ts). Each trouble is an incident.
 */
import type { Clock } from "../shared/clock.ts";
import type { Readiness as Told, Reason } from "../shared/http-api/readiness.ts";
import type { Incidents } from "../shared/incidents.ts";
import { INCIDENTS, type IncidentKind } from "../shared/incidents/table.ts";
import type { Stranger } from "../shared/link/strangers.ts";
import { DRAINING } from "../shared/readiness.ts";
import { BEAT_MS } from "./pulse.ts";

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
    readonly news: number;
    readonly verdicts: { readonly busy: number };
  };
  readonly http: {
    readonly pulse: {
      beat(nowMs: number): void;
      tell(news: number): void;
      committing(isUnderWay: boolean, nowMs: number): void;
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
  #tickedAtMs = 0;

  /** `onCommit` is called after each commit, whatever became of it. */
  constructor(parts: ReadinessParts, onCommit: () => void = () => {}) {
    this.#parts = parts;
    const { journal, pipeline } = parts;
    this.#counts = () => ({
      refused: pipeline.verdicts.busy,
      failedCommits: journal.stats.failures,
      failedCheckpoints: journal.checkpoints.failures,
    });
    parts.journal.onCommitting = (isUnderWay) => {
      parts.http.pulse.committing(isUnderWay, parts.clock.steadyMs());
      if (!isUnderWay) onCommit();
    };
  }

  get nextTickAtMs(): number {
    return this.#tickedAtMs + BEAT_MS;
  }

  tick(): void {
    const { clock, journal, pipeline, http, link } = this.#parts;
    const nowMs = clock.steadyMs();
    this.#tickedAtMs = nowMs;
    http.pulse.beat(nowMs);
    const { trouble, checkpoints } = journal;
    const lasting = checkpoints.trouble(nowMs);
    const grows = lasting === null ? null : `${lasting}; the journal's log grows`;
    const reasons = [
      this.#reasonOf("journal-fails", trouble),
      this.#reasonOf("ledger-end", pipeline.ledgerEnd),
      this.#reasonOf("checkpoints-fail", checkpoints.failing, grows),
    ].flat();
    this.#before = this.#counts();
    http.pulse.tell(pipeline.news);
    http.setReadiness({
      reasons: this.#draining ? [DRAINING, ...reasons] : reasons,
      warnings: warningsAbout(link.strangers()),
    });
  }

  drain(): void {
    this.#draining = true;
    this.tick();
  }

  /** Tells of the incident, and gives what makes the worker not ready for it. */
  #reasonOf(code: IncidentKind, reason: string | null, red = reason): Reason[] {
    const now =
      reason === null ? null : { details: { reason }, counts: this.#counts, from: this.#before };
    this.#parts.incidents.tell(code, null, now);
    return red === null ? [] : [{ code, detail: `${INCIDENTS[code].message}: ${red}` }];
  }
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
