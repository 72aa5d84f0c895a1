/**
 * Shows another thread whether the pipeline's thread moves: the time of its last beat stands in shared
 * memory. It beats in each tick, at both ends of each commit, and while nothing happens so often that its
 * silence tells; who needs a younger beat asks for one. A disk that does not answer a commit holds that
 * thread up, and then no message from it comes; a time that stands still tells, and costs a payment nothing.
 *
 * Each thread counts its time from its own start. How far the two clocks are apart is learnt from the
 * beat that looked freshest, such as one that was asked for.
 */
/** Longest time from one beat to the next, of a pipeline that moves; one that is awake sooner beats sooner. */
export const BEAT_MS = 1_000;
/** The news stand behind the cell of the beat. */
const NEWS_AT = Float64Array.BYTES_PER_ELEMENT;

/** Time without a beat after which the worker is not ready. */
const STANDSTILL_MS = 2_500;
/** Time after which a commit that is under way puts the disk in doubt. */
const COMMIT_DOUBTED_MS = 1_000;
/** The same of a pipeline that should have beaten by then, half a second late as it may be. */
const SILENCE_DOUBTED_MS = BEAT_MS + 500;

export type PulseMemory = SharedArrayBuffer;

export function allocatePulse(): PulseMemory {
  return new SharedArrayBuffer(NEWS_AT + Int32Array.BYTES_PER_ELEMENT);
}

/**
 * Marks the beat at which a commit began, until the commit has ended; the same takes the mark off. Both facts
 * stand in one cell, so that whoever reads it has them as of one moment.
 */
const marked = (atMs: number) => -1 - atMs;

/** Pulse at the pipeline's end. */
export class Pulse {
  readonly #cell: Float64Array;
  readonly #news: Int32Array;

  constructor(memory: PulseMemory) {
    this.#cell = new Float64Array(memory, 0, 1);
    this.#news = new Int32Array(memory, NEWS_AT, 1);
  }

  beat(nowMs: number): void {
    this.#cell[0] = nowMs;
  }

  /** Tells how many things for the history have happened, so that the pipeline is asked only when there is one. */
  tell(news: number): void {
    Atomics.store(this.#news, 0, news);
  }

  /** A commit begins, or has ended, in which nothing else beats. */
  committing(isUnderWay: boolean, nowMs: number): void {
    this.#cell[0] = isUnderWay ? marked(nowMs) : nowMs;
  }
}

/** Pulse at the watching thread's end, on a clock of its own. */
export class PulseWatch {
  readonly #cell: Float64Array;
  readonly #news: Int32Array;
  #apartMs = Number.POSITIVE_INFINITY;

  constructor(memory: PulseMemory) {
    this.#cell = new Float64Array(memory, 0, 1);
    this.#news = new Int32Array(memory, NEWS_AT, 1);
  }

  get news(): number {
    return Atomics.load(this.#news, 0);
  }

  /** Time since the last beat. */
  silentMs(nowMs: number): number {
    return this.#look(nowMs).silentMs;
  }

  /** Time of the last beat, by the clock of the beating thread. */
  get beatAtMs(): number {
    return this.#read().beatAtMs;
  }

  get isCommitting(): boolean {
    return this.#read().isCommitting;
  }

  /** True when the journal's disk may not answer: a commit takes long, or the next beat is late. */
  isInDoubt(nowMs: number): boolean {
    const { silentMs, isCommitting } = this.#look(nowMs);
    return silentMs >= (isCommitting ? COMMIT_DOUBTED_MS : SILENCE_DOUBTED_MS);
  }

  /** Time in which the pipeline cannot come to stand still. */
  movesForMs(nowMs: number): number {
    return Math.max(0, STANDSTILL_MS - this.silentMs(nowMs));
  }

  /** Tells why the worker is not ready, if that is because its pipeline stands still. */
  standstill(nowMs: number): string | null {
    const { silentMs, isCommitting } = this.#look(nowMs);
    if (silentMs < STANDSTILL_MS) return null;
    const since = `the pipeline has stood still for ${Math.floor(silentMs / 1_000)} s`;
    return isCommitting ? `${since}: the journal's disk does not answer a commit` : since;
  }

  #look(nowMs: number) {
    const { beatAtMs, isCommitting } = this.#read();
    const apartMs = nowMs - beatAtMs;
    this.#apartMs = Math.min(this.#apartMs, apartMs);
    return { silentMs: apartMs - this.#apartMs, isCommitting };
  }

  #read() {
    const cell = this.#cell[0] as number;
    const isCommitting = cell < 0;
    return { beatAtMs: isCommitting ? marked(cell) : cell, isCommitting };
  }
}
