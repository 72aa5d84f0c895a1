/**
 * Watches a link from the API's end: a worker that falls silent is one incident, one that answers over
 * HTTP and not over the link is another.
 */
import type { Clock } from "../shared/clock.ts";
import type { Readiness } from "../shared/http-api/readiness.ts";
import type { Circumstances, Incidents } from "../shared/incidents.ts";
import type { Link } from "../shared/verdict.ts";
import { LinkDoubt } from "./link-doubt.ts";
import { otherSecretOf } from "./readiness.ts";

/** The worker's first answer may take as long as it takes to notice that it is silent. */
const FIRST_ANSWER_MS = 2_500;

export type LinkWatchParts = {
  readonly clock: Pick<Clock, "steadyMs">;
  readonly link: Pick<Link, "answering" | "instance">;
  readonly incidents: Pick<Incidents, "tell" | "tick">;
  /** Address of the worker's link. */
  readonly worker: string;
  /** Counts of payments that got no verdict, or busy. */
  readonly verdicts: { readonly timeout: number; readonly busy: number };
  /** The worker's word about itself over HTTP; null when it says nothing. */
  readonly overHttp: () => Promise<Readiness | null>;
};

export class LinkWatch {
  readonly #parts: LinkWatchParts;
  readonly #doubt = new LinkDoubt();
  readonly #startedAtMs: number;

  constructor(parts: LinkWatchParts) {
    this.#parts = parts;
    this.#startedAtMs = parts.clock.steadyMs();
  }

  /** True when the worker has answered over HTTP alone for a while. */
  get isInDoubt(): boolean {
    return this.#doubt.isThere;
  }

  look(): void {
    const { clock, link, incidents } = this.#parts;
    const isStarting = clock.steadyMs() - this.#startedAtMs < FIRST_ANSWER_MS;
    if (!link.answering && isStarting) return;
    this.#tell("worker-silent", !link.answering);
    incidents.tick();
  }

  /** Ends its incidents: payments do not go there any more. */
  end(): void {
    this.#tell("worker-silent", false);
    this.#tell("link-doubt", false);
  }

  async lookOverHttp(): Promise<void> {
    const { link, overHttp } = this.#parts;
    const word = link.answering ? null : await overHttp();
    this.#doubt.look(link.answering, word !== null);
    // With the worker's own word that it is the secret, a second look is not needed.
    const reason = otherSecretOf(word, link.instance);
    const isSo = this.#doubt.isThere || reason !== null;
    this.#tell("link-doubt", isSo, reason === null ? {} : { reason });
  }

  #tell(
    kind: "worker-silent" | "link-doubt",
    isSo: boolean,
    details: Circumstances["details"] = {},
  ): void {
    const { incidents, worker, verdicts } = this.#parts;
    const counts = () => ({ unanswered: verdicts.timeout, refused: verdicts.busy });
    incidents.tell(kind, worker, isSo ? { details, counts } : null);
  }
}
