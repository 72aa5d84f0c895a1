/** Says how far a copy is, with its rate and the rest, to somebody who waits. */
export type Tell = (line: string) => void;

/** Words for what is counted; `last` is said when all of it is done. */
export type Unit = { readonly name: string; readonly last: string; say(count: number): string };

const TOLD_EVERY_MS = 1_000;
const MB = 1_000_000;

export class Progress {
  readonly #tell: Tell;
  readonly #unit: Unit;
  readonly #max: number;
  readonly #startedMs: number;
  #toldMs: number;

  /** `max` is what there will be at most, of bytes or of another unit. */
  constructor(max: number, nowMs: number, tell: Tell, unit: Unit = BYTES) {
    this.#unit = unit;
    this.#max = max;
    this.#startedMs = nowMs;
    this.#toldMs = nowMs;
    this.#tell = tell;
  }

  /** Null says that all is done. */
  at(nowMs: number, count: number | null): void {
    if (count !== null && nowMs - this.#toldMs < TOLD_EVERY_MS) return;
    this.#toldMs = nowMs;
    this.#tell(count === null ? this.#unit.last : this.#line(count, nowMs - this.#startedMs));
  }

  #line(count: number, spentMs: number): string {
    const { name, say } = this.#unit;
    const rate = count / spentMs;
    const restMs = Math.max(0, this.#max - count) / rate;
    const rest = count === 0 ? "" : `, ${Math.ceil(restMs / 1_000)} s left`;
    return `${say(count)} of ${say(this.#max)} ${name}, ${say(rate * 1_000)} ${name}/s${rest}`;
  }
}

/** Bytes of a copy, which is looked through when all are written. */
const BYTES: Unit = {
  name: "MB",
  last: "all is written; looking through the copy, two seconds or more per million payments",
  say: mb,
};

export function mb(bytes: number): string {
  return (bytes / MB).toFixed(bytes < 10 * MB ? 1 : 0);
}
