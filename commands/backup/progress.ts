/** Says how far a copy is, with its rate and the rest, to somebody who waits. */
export type Tell = (line: string) => void;

const TOLD_EVERY_MS = 1_000;
const MB = 1_000_000;

export class Progress {
  readonly #tell: Tell;
  readonly #bytesMax: number;
  readonly #startedMs: number;
  #toldMs: number;

  /** `bytesMax` is what there will be at most. */
  constructor(bytesMax: number, nowMs: number, tell: Tell) {
    this.#bytesMax = bytesMax;
    this.#startedMs = nowMs;
    this.#toldMs = nowMs;
    this.#tell = tell;
  }

  /** Null says that all is written, and is looked through now. */
  at(nowMs: number, bytes: number | null): void {
    if (bytes !== null && nowMs - this.#toldMs < TOLD_EVERY_MS) return;
    this.#toldMs = nowMs;
    this.#tell(bytes === null ? LOOKS : this.#line(bytes, nowMs - this.#startedMs));
  }

  #line(bytes: number, spentMs: number): string {
    const rate = bytes / spentMs;
    const restMs = Math.max(0, this.#bytesMax - bytes) / rate;
    const rest = bytes === 0 ? "" : `, ${Math.ceil(restMs / 1_000)} s left`;
    return `${mb(bytes)} of ${mb(this.#bytesMax)} MB, ${mb(rate * 1_000)} MB/s${rest}`;
  }
}

const LOOKS = "all is written; looking through the copy, two seconds or more per million payments";

export function mb(bytes: number): string {
  return (bytes / MB).toFixed(bytes < 10 * MB ? 1 : 0);
}
