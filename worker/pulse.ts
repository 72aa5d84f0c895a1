/**
 * Shows another thread whether the pipeline's thread moves: the time of its last beat stands in shared
 * memory. It beats in each tick, at the beginning of each commit, and while nothing happens so often that its
 * silence tells; who needs a younger beat asks for one. A disk that does not answer a commit holds that thread up, and then no message from it comes;
 * a time that stands still tells, and costs a payment nothing.
 *
 * Each thread counts its time from its own start. How far the two clocks are apart is learnt from the
 * beat that looked freshest, such as one that was asked for.
 */
/** Longest time from one beat to the next, of a pipeline that moves. */
export const BEAT_MS = 1_000;
const BEAT_AT = 0;
const COMMITTING = Float64Array.BYTES_PER_ELEMENT;

/** Time without a beat after which the worker is not ready. */
const STANDSTILL_MS = 2_500;
/** Time after which a commit that is under way puts the disk in doubt. */
const COMMIT_DOUBTED_MS = 1_000;
/** The same of a pipeline that should have beaten by then, half a second late as it may be. */
const SILENCE_DOUBTED_MS = BEAT_MS + 500;

export type PulseMemory = SharedArrayBuffer;

export function allocatePulse(): PulseMemory {
  return new SharedArrayBuffer(COMMITTING + Int32Array.BYTES_PER_ELEMENT);
}

/** Pulse at the pipeline's end. */
export class Pulse {
  readonly #beatAtMs: Float64Array;
  readonly #committing: Int32Array;

  constructor(memory: PulseMemory) {
    this.#beatAtMs = new Float64Array(memory, BEAT_AT, 1);
    this.#committing = new Int32Array(memory, COMMITTING, 1);
  }

  beat(nowMs: number): void {
    this.#beatAtMs[0] = nowMs;
  }

  /** A commit begins, or has ended. */
  committing(isUnderWay: boolean, nowMs: number): void {
    if (isUnderWay) this.beat(nowMs);
    Atomics.store(this.#committing, 0, isUnderWay ? 1 : 0);
  }
}

/** Pulse at the watching thread's end, on a clock of its own. */
export class PulseWatch {
  readonly #beatAtMs: Float64Array;
  readonly #committing: Int32Array;
  #apartMs = Number.POSITIVE_INFINITY;

  constructor(memory: PulseMemory) {
    this.#beatAtMs = new Float64Array(memory, BEAT_AT, 1);
    this.#committing = new Int32Array(memory, COMMITTING, 1);
  }

  /** Time since the last beat. */
  silentMs(nowMs: number): number {
    const apartMs = nowMs - this.beatAtMs;
    this.#apartMs = Math.min(this.#apartMs, apartMs);
    return apartMs - this.#apartMs;
  }

  /** Time of the last beat, by the clock of the beating thread. */
  get beatAtMs(): number {
    return this.#beatAtMs[0] as number;
  }

  get isCommitting(): boolean {
    return Atomics.load(this.#committing, 0) === 1;
  }

  /** True when the journal's disk may not answer: a commit takes long, or the next beat is late. */
  isInDoubt(nowMs: number): boolean {
    // A commit beats before it says that it is under way: whoever asks in this order takes none for an old one.
    const doubtedMs = this.isCommitting ? COMMIT_DOUBTED_MS : SILENCE_DOUBTED_MS;
    return this.silentMs(nowMs) >= doubtedMs;
  }

  /** Time in which the pipeline cannot come to stand still. */
  movesForMs(nowMs: number): number {
    return Math.max(0, STANDSTILL_MS - this.silentMs(nowMs));
  }

  /** Tells why the worker is not ready, if that is because its pipeline stands still. */
  standstill(nowMs: number): string | null {
    const silentMs = this.silentMs(nowMs);
    if (silentMs < STANDSTILL_MS) return null;
    const since = `the pipeline has stood still for ${Math.floor(silentMs / 1_000)} s`;
    return this.isCommitting ? `${since}: the journal's disk does not answer a commit` : since;
  }
}
