/**
 * How many calls to one processor may be in flight: additive increase, multiplicative decrease, with a
 * slow start after every opening of its breaker. Growth stops while latency says that calls queue at
 * the processor (twice the least latency of late, and then some), since more of them would only wait
 * there. Only a limit that is used grows (as in Netflix's concurrency-limits).
 */
import { LeastOfLate } from "./least.ts";

const LIMIT_START = 8;
const LIMIT_MIN = 4;
const DECREASE = 0.7;
const QUEUEING_FACTOR = 2;
/** Below this a difference in latency is the scheduler's, not a queue's. */
const QUEUEING_MS = 10;
/** As long as a least latency is remembered. */
const HELD_MS = 1_000;
/** After a drop the limit only creeps for this long. */
const DROP_REMEMBERED_MS = 5_000;
/**
 * A processor that becomes slower looks for a while like one at which calls queue. Below this part of
 * the cap the slow start goes on afterwards, or a changed delay would hold payments up for seconds.
 */
const THRESHOLD_SHARE_MIN = 1 / 8;

export type LimitSample = {
  readonly inFlight: number;
  readonly latencyMs: number;
  /** The least latency of late. */
  readonly leastMs: number;
};

/** The rule for an answer that was neither dropped nor late. */
export function nextLimit(
  limit: number,
  threshold: number,
  { inFlight, latencyMs, leastMs }: LimitSample,
  thresholdMin = 0,
): { limit: number; threshold: number } {
  if (inFlight * 2 < limit) return { limit, threshold };
  const queueing = latencyMs > QUEUEING_FACTOR * leastMs + QUEUEING_MS;
  if (queueing) return { limit, threshold: Math.max(thresholdMin, Math.min(threshold, limit)) };
  return { limit: limit < threshold ? limit + 1 : limit + 1 / limit, threshold };
}

export class Limit {
  readonly max: number;
  #limit = LIMIT_START;
  #threshold: number;
  #decreasedAtMs = Number.NEGATIVE_INFINITY;
  /** When the limit last did not grow, because calls queued or because it was not used. */
  #heldAtMs = Number.NEGATIVE_INFINITY;
  readonly #least = new LeastOfLate();

  constructor(max: number) {
    this.max = max;
    this.#threshold = max;
  }

  get value(): number {
    return Math.min(this.max, Math.floor(this.#limit));
  }

  answered(nowMs: number, inFlight: number, latencyMs: number): void {
    const leastMs = this.#least.of(nowMs, latencyMs);
    const sample = { inFlight, latencyMs, leastMs };
    const thresholdMin = this.max * THRESHOLD_SHARE_MIN;
    const next = nextLimit(this.#limit, this.#threshold, sample, thresholdMin);
    if (next.limit === this.#limit) this.#heldAtMs = nowMs;
    this.#limit = Math.min(this.max, next.limit);
    this.#threshold = next.threshold;
    this.#forgetOldQueue(nowMs);
  }

  /** The processor turned a call away for load, or did not answer: once per latency, not per call. */
  dropped(nowMs: number, latencyMs: number): void {
    if (nowMs - this.#decreasedAtMs < Math.max(latencyMs, 100)) return;
    this.#decreasedAtMs = nowMs;
    this.#heldAtMs = nowMs + DROP_REMEMBERED_MS;
    this.#limit = Math.max(LIMIT_MIN, this.#limit * DECREASE);
    this.#threshold = this.#limit;
  }

  /** After an outage concurrency ramps up; it does not jump. */
  restart(): void {
    this.#limit = Math.min(LIMIT_START, this.max);
    this.#threshold = this.max;
  }

  /**
   * A second in which nothing queues: what looked like a queue was a slower processor, or is gone. The
   * limit may double once more; were it a queue after all, it would show before the next doubling.
   */
  #forgetOldQueue(nowMs: number): void {
    if (this.#limit < this.#threshold || nowMs - this.#heldAtMs < HELD_MS) return;
    this.#threshold = Math.min(this.max, this.#limit * 2);
    this.#heldAtMs = nowMs;
  }
}
