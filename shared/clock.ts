/**
 * Time, as the parts that need it see it. Cores take `nowMs` as an argument; only edges hold a clock,
 * and the simulation gives them its own.
 */
export interface Clock {
  /** Milliseconds since 1970, whole; may step. For instants that people and processors see. */
  wallMs(): number;
  /** Milliseconds since some start; never steps back. For spans, deadlines and retries. */
  steadyMs(): number;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
};

/** Time to the next multiple of `everyMs`. Timers that wait so go off together, and wake their process once. */
export const toNextMs = (everyMs: number, nowMs: number) => everyMs - (nowMs % everyMs);

export const iso = (atMs: number) => new Date(atMs).toISOString();
