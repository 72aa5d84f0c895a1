/**
 * Says how far a stage is: in a terminal in one line that is written over, elsewhere in a line now
 * and then, so that a log stays short.
 */

/** Span between two lines of a log. */
const LINE_EVERY_MS = 30_000;
/** Span between two states of a terminal's line, which nobody could read faster. */
const REDRAW_EVERY_MS = 100;
const CLEAR_LINE = "\r\x1b[K";

export type Screen = {
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly write: (text: string) => void;
};

export class Progress {
  readonly #stage: string;
  readonly #screen: Screen;
  readonly #startedAtMs: number;
  #saidAtMs: number;

  constructor(stage: string, screen: Screen, nowMs: number) {
    this.#stage = stage;
    this.#screen = screen;
    this.#startedAtMs = nowMs;
    this.#saidAtMs = nowMs;
    if (screen.isTerminal) this.#draw(nowMs, "");
  }

  /** Takes the newest state; whether it is shown depends on when one was shown last. */
  report(nowMs: number, state: string): void {
    const { isTerminal } = this.#screen;
    if (nowMs - this.#saidAtMs < (isTerminal ? REDRAW_EVERY_MS : LINE_EVERY_MS)) return;
    this.#saidAtMs = nowMs;
    this.#draw(nowMs, state);
  }

  /** Puts the outcome in the place of the state. */
  end(nowMs: number, outcome: string): void {
    const { isTerminal, write } = this.#screen;
    write(`${isTerminal ? CLEAR_LINE : ""}${this.#lineOf(nowMs, outcome)}\n`);
  }

  #draw(nowMs: number, state: string): void {
    const { isTerminal, columns, write } = this.#screen;
    const line = this.#lineOf(nowMs, state);
    write(isTerminal ? `${CLEAR_LINE}${line.slice(0, columns - 1)}` : `${line}\n`);
  }

  #lineOf(nowMs: number, text: string): string {
    const seconds = ((nowMs - this.#startedAtMs) / 1_000).toFixed(1);
    return `${this.#stage.padEnd(8)} ${seconds.padStart(6)} s  ${text}`.trimEnd();
  }
}
