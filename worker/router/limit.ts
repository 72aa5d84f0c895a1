/**
 * Limits the calls to one processor that are in flight: additive increase, multiplicative decrease,
 * with a slow start after every opening of its breaker. Growth stops while latency says that calls
 * queue at the processor (twice the windowed minimum, and then some), since more of them would only
 * wait there. Only a limit that is used grows (as in Netflix's concurrency-limits).
 */
import { WindowedMinimum } from "./windowed-minimum.ts";

export const LIMIT_DEFAULTS = {
  start: 8,
  min: 4,
  /** Factor by which a drop lowers the limit. */
  decrease: 0.7,
  /** A drop within this long of another one is the same. */
  dropMsMin: 100,
  queueingFactor: 2,
  /** Difference in latency below which it is the scheduler's, not a queue's. */
  queueingMs: 10,
  /** Time without queueing after which it is forgotten: as long as a least latency is remembered. */
  heldMs: 1_000,
  /** Time for which the limit only creeps after a drop. */
  dropRememberedMs: 5_000,
  /**
   * Share of the cap below which the slow start goes on after queueing: a processor that becomes
   * slower looks for a while like one at which calls queue, and would else hold payments up for seconds.
   */
  thresholdShareMin: 1 / 8,
};
export type LimitOptions = Readonly<typeof LIMIT_DEFAULTS>;

export type LimitSample = {
  readonly inFlight: number;
  readonly latencyMs: number;
  /** Windowed minimum of the latency. */
  readonly leastMs: number;
};

/** Rule for an answer that was neither dropped nor late. */
export function nextLimit(
  limit: number,
  threshold: number,
  { inFlight, latencyMs, leastMs }: LimitSample,
  thresholdMin = 0,
  { queueingFactor, queueingMs }: LimitOptions = LIMIT_DEFAULTS,
): { limit: number; threshold: number } {
  if (inFlight * 2 < limit) return { limit, threshold };
  const queueing = latencyMs > queueingFactor * leastMs + queueingMs;
  if (queueing) return { limit, threshold: Math.max(thresholdMin, Math.min(threshold, limit)) };
  return { limit: limit < threshold ? limit + 1 : limit + 1 / limit, threshold };
}

export class Limit {
  readonly max: number;
  readonly #options: LimitOptions;
  #limit: number;
  #threshold: number;
  #decreasedAtMs = Number.NEGATIVE_INFINITY;
  /** Time at which the limit last did not grow, because calls queued or because it was not used. */
  #heldAtMs = Number.NEGATIVE_INFINITY;
  readonly #least = new WindowedMinimum();

  constructor(max: number, options: LimitOptions = LIMIT_DEFAULTS) {
    this.max = max;
    this.#options = options;
    this.#limit = options.start;
    this.#threshold = max;
  }

  get value(): number {
    return Math.min(this.max, Math.floor(this.#limit));
  }

  answered(nowMs: number, inFlight: number, latencyMs: number): void {
    const leastMs = this.#least.of(nowMs, latencyMs);
    const sample = { inFlight, latencyMs, leastMs };
    const thresholdMin = this.max * this.#options.thresholdShareMin;
    const next = nextLimit(this.#limit, this.#threshold, sample, thresholdMin, this.#options);
    if (next.limit === this.#limit) this.#heldAtMs = nowMs;
    this.#limit = Math.min(this.max, next.limit);
    this.#threshold = next.threshold;
    this.#forgetOldQueue(nowMs);
  }

  /** Records that a call was turned away for load, or not answered; it counts once per latency. */
  dropped(nowMs: number, latencyMs: number): void {
    const { decrease, dropMsMin, dropRememberedMs, min } = this.#options;
    if (nowMs - this.#decreasedAtMs < Math.max(latencyMs, dropMsMin)) return;
    this.#decreasedAtMs = nowMs;
    this.#heldAtMs = nowMs + dropRememberedMs;
    this.#limit = Math.max(min, this.#limit * decrease);
    this.#threshold = this.#limit;
  }

  /** Begins anew after an outage: concurrency ramps up, and does not jump. */
  restart(): void {
    this.#limit = Math.min(this.#options.start, this.max);
    this.#threshold = this.max;
  }

  /**
   * Forgets a queue after a second in which nothing queues: it was a slower processor, or is gone. The
   * limit may double once more; were it a queue after all, it would show before the next doubling.
   */
  #forgetOldQueue(nowMs: number): void {
    if (this.#limit < this.#threshold || nowMs - this.#heldAtMs < this.#options.heldMs) return;
    this.#threshold = Math.min(this.max, this.#limit * 2);
    this.#heldAtMs = nowMs;
  }
}
