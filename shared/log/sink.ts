/**
 * Carries the lines of a log out, whatever happens to the file or the pipe behind it. A line that
 * cannot be written is counted, and how many there were is said once writing works again. While the
 * reader is slow, lines wait in order, up to a bound; nobody waits for the reader.
 */
export type Output = {
  /** Gives how many bytes were taken. Throws an error with a code: EAGAIN when there is no room now. */
  write(bytes: Uint8Array): number;
};

/** Room for thousands of lines, beyond the 64 KiB that a pipe holds. */
export const WAITING_BYTES_MAX = 1024 * 1024;

type Entry = {
  rest: Uint8Array;
  begun: boolean;
  /** Lines whose loss this one tells; 0 for any other. */
  readonly tells: number;
};

export class LogSink {
  /** Lines that were not written and never will be. */
  lost = 0;
  readonly #output: Output;
  readonly #tell: (lost: number) => string;
  readonly #waiting: Entry[] = [];
  #waitingBytes = 0;
  #untold = 0;
  /** True when the last line that was written has no end. */
  #cutShort = false;

  /** `tell` makes the line that says how many were lost. */
  constructor(output: Output, tell: (lost: number) => string) {
    this.#output = output;
    this.#tell = tell;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Takes a line with its end. */
  write(line: string): void {
    const rest = Buffer.from(line);
    if (this.#waitingBytes + rest.length > WAITING_BYTES_MAX) this.#lose(1);
    else this.#add({ rest, begun: false, tells: 0 });
    this.flush();
  }

  /** Writes waiting lines, as far as there is room. */
  flush(): void {
    for (let entry = this.#waiting[0]; entry !== undefined; entry = this.#waiting[0]) {
      const before = entry.rest.length;
      const ended = this.#attempt(entry);
      this.#waitingBytes -= before - entry.rest.length;
      if (ended === "stuck") return;
      this.#waiting.shift();
      this.#waitingBytes -= entry.rest.length;
      if (ended === "written") this.#tellLoss();
      else this.#failed(entry);
    }
  }

  #attempt(entry: Entry): "written" | "stuck" | "failed" {
    try {
      if (this.#cutShort && !entry.begun) {
        this.#output.write(LINE_END);
        this.#cutShort = false;
      }
      while (entry.rest.length > 0) {
        entry.rest = entry.rest.subarray(this.#output.write(entry.rest));
        entry.begun = true;
      }
      return "written";
    } catch (error) {
      return (error as { code?: unknown }).code === "EAGAIN" ? "stuck" : "failed";
    }
  }

  #failed({ begun, tells }: Entry): void {
    if (begun) this.#cutShort = true;
    if (tells === 0) this.#lose(1);
    else this.#untold += tells;
  }

  #tellLoss(): void {
    const tells = this.#untold;
    if (tells === 0) return;
    this.#untold = 0;
    this.#waiting.unshift({ rest: Buffer.from(this.#tell(tells)), begun: false, tells });
    this.#waitingBytes += this.#waiting[0]!.rest.length;
  }

  #lose(lines: number): void {
    this.lost += lines;
    this.#untold += lines;
  }

  #add(entry: Entry): void {
    this.#waiting.push(entry);
    this.#waitingBytes += entry.rest.length;
  }
}

const LINE_END = Buffer.from("\n");
