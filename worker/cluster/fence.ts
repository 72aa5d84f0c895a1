/**
 * The fence that every commit meets first: the row of its stream, which names one worker and counts its
 * batches. It is what keeps payments safe when two workers both believe to be active; leases only say who
 * may take over. The database has the same rule in the function `commit` (journal/postgres/functions.ts),
 * and a test walks both. What a worker makes of the answer:
 *
 *   done, repeat   durable; repeat: it had been before, and only the answer was lost
 *   sealed         the stream is another worker's: this one ends
 *   gap            the database has other batches than ours: this one ends
 */
export type StreamRow = { readonly worker: number | null; readonly batch: number };

export type Found = "done" | "repeat" | "sealed" | "gap";

/** Tells what a worker's batch finds at the stream; nothing of it is done unless that is `done`. */
export function fence(
  { worker: owner, batch: last }: StreamRow,
  worker: number,
  batch: number,
): Found {
  if (owner !== worker) return "sealed";
  if (last === batch - 1) return "done";
  return last === batch ? "repeat" : "gap";
}

/** Sentences of workers that end. */
export const ENDED = {
  sealed:
    "another worker has taken over, since the lease of this one was over; it commits nothing any more, and ends",
  gap: "the database does not have the batches of this worker that it had acknowledged: it was put back to an earlier state, or its standby was not synchronous; a start takes up what is there",
} as const;

/** Tells what an answer means; one that is not known is no better than a gap. */
export function meaningOf(found: string | undefined): "durable" | "sealed" | "gap" {
  if (found === "done" || found === "repeat") return "durable";
  return found === "sealed" ? "sealed" : "gap";
}
