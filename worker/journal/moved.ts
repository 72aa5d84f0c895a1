/** Says why no worker starts on a journal that was moved: its payments would be charged from two places. */
export function whyMoved(movedAtMs: number): string {
  return `it was moved to another journal at ${new Date(movedAtMs).toISOString()}: start the worker there \
(docs/CLUSTER.md says how to take that back)`;
}

/** Throws with one sentence when it was; null stands for a journal that was not. */
export function refuseMoved(movedAtMs: number | null): void {
  if (movedAtMs !== null) throw new Error(whyMoved(movedAtMs));
}
