/**
 * Says why an API is not ready. What it can know of a wrong secret: the worker never answers a frame that
 * was made with another one, so that silence alone may as well be a worker that is gone or a network that
 * loses UDP. The worker tells over HTTP which processes it has such frames of; an API that finds its own
 * number there knows.
 */
import type { Readiness, Reason } from "../shared/http-api/readiness.ts";
import { INCIDENTS } from "../shared/incidents/table.ts";

const SILENT = "The worker does not answer.";
const OTHER_SECRET =
  "LINK_SECRET is not the worker's: it gets the frames of this API, and they are made with another one.";
const HTTP_SILENT =
  "The worker says nothing at WORKER_HTTP: payments are taken, and what is asked of the worker is not answered.";

export type Known = {
  readonly leaving: boolean;
  /** The worker's word about itself; null when it says nothing in time. */
  readonly worker: Readiness | null;
  readonly link: { readonly answering: boolean; readonly instance: number };
  /** True when the worker has answered over HTTP alone for a while. */
  readonly isInDoubt: boolean;
};

/** The worker's own word comes first; when it says nothing, the link alone decides. */
export function readinessOf(known: Known): Readiness {
  const { leaving, worker, link } = known;
  if (leaving) {
    const reasons = [{ code: "draining", detail: "This API is shutting down." }];
    return { reasons, warnings: [] };
  }
  const reasons = (worker?.reasons ?? []).map(({ code, detail }): Reason => {
    return { code, detail: `The worker is not ready: ${detail}.` };
  });
  if (!link.answering) reasons.push(silenceOf(known));
  const isHalf = worker === null && link.answering;
  return { reasons, warnings: isHalf ? [{ code: "worker-http", detail: HTTP_SILENT }] : [] };
}

/** The most that can be said of a link that gives no answer. */
function silenceOf({ worker, link, isInDoubt }: Omit<Known, "leaving">): Reason {
  const otherSecret = otherSecretOf(worker, link.instance);
  if (otherSecret !== null) return { code: "link-secret", detail: otherSecret };
  if (isInDoubt) return { code: "link-doubt", detail: INCIDENTS["link-doubt"].message };
  return { code: "worker-silent", detail: SILENT };
}

/** The sentence for an API that the worker has frames of which were made with another secret; else null. */
export function otherSecretOf(worker: Readiness | null, instance: number): string | null {
  const isMeant = worker?.warnings.some(({ instances }) => instances?.includes(instance));
  return isMeant === true ? OTHER_SECRET : null;
}
