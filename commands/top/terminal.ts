/**
 * Takes a terminal over for a while: the other screen, no cursor, keys as they are pressed. It is
 * given back as it was on whatever way out, by the event of the process's own end.
 */
import type { Size } from "./screen.ts";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CTRL_C = "\x03";
const SIZE_UNKNOWN: Size = { columns: 80, rows: 24 };

export type Keys = {
  readonly onKey: (key: string) => void;
  readonly onResize: () => void;
  /** Called on q, Ctrl-C, or a signal. */
  readonly onQuit: () => void;
};

export class Terminal {
  readonly #out = process.stdout;
  #taken = false;

  take({ onKey, onResize, onQuit }: Keys): void {
    this.#taken = true;
    process.on("exit", () => this.giveBack());
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onQuit);
    process.stdin.setRawMode(true);
    process.stdin.setEncoding("utf8");
    process.stdin.on("data", (text: string) => {
      for (const key of text) {
        if (key === "q" || key === CTRL_C) onQuit();
        else onKey(key);
      }
    });
    this.#out.on("resize", onResize);
    this.#out.on("error", onQuit);
    this.#out.write(ENTER);
  }

  get size(): Size {
    const { columns, rows } = this.#out;
    return columns > 0 && rows > 0 ? { columns, rows } : SIZE_UNKNOWN;
  }

  /**
   * Writes line over line, so that nothing flickers; each is cleared before, since a full one
   * leaves no place after.
   */
  draw(lines: readonly string[]): void {
    if (!this.#taken) return;
    this.#out.write(HOME + lines.map((line) => CLEAR_LINE + line).join("\r\n"));
  }

  giveBack(): void {
    if (!this.#taken) return;
    this.#taken = false;
    process.stdin.setRawMode(false);
    this.#out.write(LEAVE);
  }
}
