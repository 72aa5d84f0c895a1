/**
 * Counts durations in buckets of constant relative width, as in HdrHistogram: sixteen to an octave of
 * microseconds, so that a quantile is at most 1/32 off. To observe is two additions.
 */
const SUB_BITS = 4;
const SUBS = 1 << SUB_BITS;
/** Longest duration, about 17 minutes; longer ones count as this. */
const MICROS_MAX = 2 ** 30 - 1;
const BUCKETS = bucketOf(MICROS_MAX) + 1;

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  observe(durationMs: number): void {
    const micros = Math.min(MICROS_MAX, Math.max(0, durationMs * 1_000));
    this.#counts[bucketOf(micros)]!++;
    this.#total++;
  }

  add(other: Histogram): void {
    if (other.#total === 0) return;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#counts[bucket]! += other.#counts[bucket] as number;
    }
    this.#total += other.#total;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** Gives the middle of the bucket that holds the quantile; null when there is nothing. */
  quantileMs(share: number): number | null {
    if (this.#total === 0) return null;
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let below = 0;
    const bucket = this.#counts.findIndex((count) => (below += count) >= wanted);
    return (lowerMicros(bucket) + lowerMicros(bucket + 1)) / 2 / 1_000;
  }
}

function bucketOf(micros: number): number {
  const whole = micros | 0;
  if (whole < SUBS) return whole;
  const octave = 31 - Math.clz32(whole) - SUB_BITS;
  return octave * SUBS + (whole >>> octave);
}

function lowerMicros(bucket: number): number {
  if (bucket < SUBS) return bucket;
  const octave = Math.floor(bucket / SUBS) - 1;
  return (bucket - octave * SUBS) * 2 ** octave;
}
