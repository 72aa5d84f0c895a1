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

/** The renewals of one worker. Instants are the database's, but for those of the worker's own steady clock. */
export class Renewals {
  #renewedAtMs = Number.NEGATIVE_INFINITY;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #steadySinceMs = Number.NEGATIVE_INFINITY;

  /**
   * Notes a renewal that was answered, at an instant of the database and one of the worker's steady clock.
   * Either may show a hole: a database that is another machine now may have an earlier clock, which goes
   * back or hides that this worker slept.
   */
  renewed(nowMs: number, heardAtMs: number): void {
    const isHole = isHoleOf(nowMs - this.#renewedAtMs) || isHoleOf(heardAtMs - this.#heardAtMs);
    if (isHole) this.#steadySinceMs = nowMs;
    this.#renewedAtMs = nowMs;
    this.#heardAtMs = heardAtMs;
  }

  /** True when another lease, of which so much was left at the last renewal, may be taken over. */
  mayTake(leftMs: number): boolean {
    return leftMs < 0 && this.#renewedAtMs - this.#steadySinceMs > LEASE_MS;
  }
}

function isHoleOf(sinceMs: number): boolean {
  return sinceMs < 0 || sinceMs > HOLE_MS;
}
