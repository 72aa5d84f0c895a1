/** Keeps what happened, in order; a hash of it tells whether two runs were the same. */
export class Trace {
  readonly #atMs: number[] = [];
  readonly #lines: string[] = [];

  get hash(): string {
    const hash = Bun.hash.wyhash(
      this.#lines.join("\n"),
      Bun.hash.wyhash(Float64Array.from(this.#atMs)),
    );
    return hash.toString(16).padStart(16, "0");
  }

  get lines(): readonly string[] {
    return this.#lines.map((line, i) => `${this.#atMs[i]!.toFixed(3).padStart(12)} ${line}`);
  }

  add(nowMs: number, line: string): void {
    this.#atMs.push(nowMs);
    this.#lines.push(line);
  }
}
