/**
 * Tells whether the worker is ready, as far as the pipeline's thread can; another thread has to see
 * that it stands still (pulse.ts). The log says each trouble once, and once that it is over.
 */
import type { Clock } from "../shared/clock.ts";
import type { Readiness as Told, Reason } from "../shared/http-api/readiness.ts";
import type { Stranger } from "../shared/link/strangers.ts";
import type { Log } from "../shared/log.ts";
import { DRAINING } from "../shared/readiness.ts";

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
    setReadiness(readiness: Told): void;
  };
  readonly link: { strangers(): readonly Stranger[] };
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
    const { clock, journal, pipeline, http, link } = this.#parts;
    const nowMs = clock.steadyMs();
    http.pulse.beat(nowMs);
    this.#say("the journal fails", journal.trouble);
    this.#say("checkpoints fail", journal.checkpoints.failing);
    this.#say("the ledger is at its end", pipeline.ledgerEnd);
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
