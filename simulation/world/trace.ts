/** Keeps what happened, in order; a hash of it tells whether two runs were the same. */
export class Trace {
  readonly lines: string[] = [];
  #hash = 0n;
  readonly #keep: boolean;

  constructor(keep: boolean) {
    this.#keep = keep;
  }

  get hash(): string {
    return this.#hash.toString(16).padStart(16, "0");
  }

  add(nowMs: number, line: string): void {
    const text = `${nowMs.toFixed(3).padStart(12)} ${line}`;
    this.#hash = Bun.hash.wyhash(text, this.#hash);
    if (this.#keep) this.lines.push(text);
  }
}
