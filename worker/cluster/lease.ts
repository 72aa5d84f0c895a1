/**
 * A worker's lease: 3 s, renewed every half second, both by the database's clock, so that clocks of
 * workers may be apart. Who finds another's lease over may seal it, but only after it has itself renewed
 * without a hole for longer than a lease: after a fail-over of the database, or when its clock has jumped,
 * all workers look dead to each other, and the first to come back would end those that live.
 */
export const LEASE_MS = 3_000;
export const BEAT_MS = 500;
/**
 * Time between two renewals that is a hole. It is less than a lease: while the database was away for
 * nearly as long, another's lease, which was renewed a beat before ours, may be over when ours is not.
 */
const HOLE_MS = LEASE_MS / 2;

/** The renewals of one worker. Instants are the database's. */
export class Renewals {
  #renewedAtMs = Number.NEGATIVE_INFINITY;
  #steadySinceMs = Number.NEGATIVE_INFINITY;

  /** Notes a renewal that was answered. */
  renewed(nowMs: number): void {
    const sinceMs = nowMs - this.#renewedAtMs;
    // A database that is another machine now may have an earlier clock.
    if (sinceMs < 0 || sinceMs > HOLE_MS) this.#steadySinceMs = nowMs;
    this.#renewedAtMs = nowMs;
  }

  /** True when another lease, of which so much was left at the last renewal, may be taken over. */
  mayTake(leftMs: number): boolean {
    return leftMs < 0 && this.#renewedAtMs - this.#steadySinceMs > LEASE_MS;
  }
}
