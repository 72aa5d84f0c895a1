/** Asks for the processor's books with pauses: it has payments to process. */
import { NoAnswer, type Theirs } from "./theirs.ts";

export type Pace = {
  readonly pauseMs: number;
  /** Repeats of a call that got no answer, at most. */
  readonly repeats: number;
  readonly sleep: (ms: number) => Promise<void>;
};

/** Pause between a call without an answer and the next try, unless the processor names a longer one. */
const REPEAT_MS = 1_000;

export function paced(theirs: Theirs, { pauseMs, repeats, sleep }: Pace): Theirs {
  async function ask<T>(call: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      if (pauseMs > 0) await sleep(pauseMs);
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof NoAnswer) || error.lasting || tries >= repeats) throw error;
        await sleep(Math.max(REPEAT_MS, error.retryAfterMs));
      }
    }
  }
  return {
    totals: (window) => ask(() => theirs.totals(window)),
    find: (correlationId) => ask(() => theirs.find(correlationId)),
  };
}
