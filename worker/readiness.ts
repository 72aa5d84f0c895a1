/**
 * Tells whether the worker is ready, as far as the pipeline's thread can; another thread has to see
 * that it stands still (pulse.ts). The log says each trouble once, and once that it is over.
 */
import type { Clock } from "../shared/clock.ts";
import type { Log } from "../shared/log.ts";

export type ReadinessParts = {
  readonly clock: Pick<Clock, "steadyMs">;
  readonly journal: {
    readonly trouble: string | null;
    readonly checkpoints: {
      readonly failing: string | null;
      trouble(nowMs: number): string | null;
    };
    onCommitting: (isUnderWay: boolean) => void;
  };
  readonly pipeline: { readonly ledgerEnd: string | null };
  readonly http: {
    readonly pulse: {
      beat(nowMs: number): void;
      committing(isUnderWay: boolean): void;
    };
    setReadiness(reason: string | null): void;
  };
  readonly log: Pick<Log, "info" | "error">;
};

export class Readiness {
  readonly #parts: ReadinessParts;
  readonly #said = new Set<string>();
  #draining = false;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
    parts.journal.onCommitting = (isUnderWay) => parts.http.pulse.committing(isUnderWay);
  }

  tick(): void {
    const { clock, journal, pipeline, http } = this.#parts;
    const nowMs = clock.steadyMs();
    http.pulse.beat(nowMs);
    this.#say("the journal fails", journal.trouble);
    this.#say("checkpoints fail", journal.checkpoints.failing);
    this.#say("the ledger is at its end", pipeline.ledgerEnd);
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

  #say(what: string, reason: string | null): void {
    if ((reason !== null) === this.#said.has(what)) return;
    if (reason === null) {
      this.#said.delete(what);
      return this.#parts.log.info(`over: ${what}`);
    }
    this.#said.add(what);
    this.#parts.log.error({ reason }, what);
  }
}

/** Names the first trouble there is, in one sentence; null when there is none. */
function reasonOf(troubles: Record<string, string | null>): string | null {
  for (const [what, reason] of Object.entries(troubles)) {
    if (reason !== null) return `${what}: ${reason}`;
  }
  return null;
}
