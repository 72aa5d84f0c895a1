/**
 * Whether the worker is ready, as far as the pipeline's thread can tell; that it stands still another
 * thread has to see (pulse.ts). The log says each trouble once, and once that it is over.
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
    const { clock, journal, http } = this.#parts;
    const nowMs = clock.steadyMs();
    http.pulse.beat(nowMs);
    this.#say("the journal fails", journal.trouble);
    this.#say("checkpoints fail", journal.checkpoints.failing);
    const reason = reasonOf(journal.trouble, journal.checkpoints.trouble(nowMs));
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

/** Why it is not ready, in one sentence, or null. */
function reasonOf(trouble: string | null, checkpoints: string | null): string | null {
  if (trouble !== null) return `the journal fails: ${trouble}`;
  if (checkpoints === null) return null;
  return `checkpoints fail, and the journal's log grows: ${checkpoints}`;
}
