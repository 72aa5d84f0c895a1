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
  /** Host and port of the worker's link. */
  readonly address: string;
  /** The worker's word about itself; null when it says nothing in time. */
  readonly word: Readiness | null;
  readonly link: { readonly answering: boolean; readonly instance: number };
  /** True when the worker has answered over HTTP alone for a while. */
  readonly isInDoubt: boolean;
};

/**
 * Readiness of an API that hands payments to these workers. With several, one that takes payments is
 * enough: another API could do no more for those of the others, and a load balancer would be left with
 * nobody.
 */
export function readinessOf(workers: readonly Known[], leaving: boolean): Readiness {
  if (leaving) {
    const reasons = [{ code: "draining", detail: "This API is shutting down." }];
    return { reasons, warnings: [] };
  }
  const [one, another] = workers;
  if (one === undefined) {
    return { reasons: [{ code: "no-map", detail: INCIDENTS["no-map"].message }], warnings: [] };
  }
  if (another === undefined) return readinessBy(one);
  const all = workers.map((worker) => named(worker.address, readinessBy(worker)));
  const reasons = all.flatMap((readiness) => readiness.reasons);
  const warnings = all.flatMap((readiness) => readiness.warnings);
  const isReady = all.some((readiness) => readiness.reasons.length === 0);
  return isReady ? { reasons: [], warnings: [...reasons, ...warnings] } : { reasons, warnings };
}

function named(address: string, { reasons, warnings }: Readiness): Readiness {
  const name = ({ code, detail }: Reason) => ({ code, detail: `${address}: ${detail}` });
  return { reasons: reasons.map(name), warnings: warnings.map(name) };
}

/** The worker's own word comes first; when it says nothing, the link alone decides. */
function readinessBy(worker: Known): Readiness {
  const { word, link } = worker;
  const reasons = (word?.reasons ?? []).map(({ code, detail }): Reason => {
    return { code, detail: `The worker is not ready: ${detail}.` };
  });
  if (!link.answering) reasons.push(silenceOf(worker));
  const isHalf = word === null && link.answering;
  return { reasons, warnings: isHalf ? [{ code: "worker-http", detail: HTTP_SILENT }] : [] };
}

/** The most that can be said of a link that gives no answer. */
function silenceOf({ word, link, isInDoubt }: Known): Reason {
  const otherSecret = otherSecretOf(word, link.instance);
  if (otherSecret !== null) return { code: "link-secret", detail: otherSecret };
  if (isInDoubt) return { code: "link-doubt", detail: INCIDENTS["link-doubt"].message };
  return { code: "worker-silent", detail: SILENT };
}

/** The sentence for an API that the worker has frames of which were made with another secret; else null. */
export function otherSecretOf(worker: Readiness | null, instance: number): string | null {
  const isMeant = worker?.warnings.some(({ instances }) => instances?.includes(instance));
  return isMeant === true ? OTHER_SECRET : null;
}
