/** The last 24 hours, a row a minute, as the curves have them; read while somebody has chosen them. */
import type { Minute } from "../shared/http-api/history.ts";
import { ask } from "./ask.ts";

export const DAY_S = 86_400;
const PERIOD_MS = 60_000;
/** Time without a row from which no worker ran: each row is as long as its own span. */
const HOLE_MS = 10_000;

/** A piece of time as a curve has it; null is where nothing is known. */
export type Slice = {
  readonly atMs: number;
  readonly spanMs: number;
  readonly accepted: number | null;
  /** Payments by lane. */
  readonly settled: readonly (number | null)[];
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly open: number | null;
  readonly unknown: number | null;
};

/** Gives rows by lane, with a hole where no worker ran. */
export function slicesOf(minutes: readonly Minute[], lanes: readonly string[]): Slice[] {
  const slices: Slice[] = [];
  for (const minute of minutes) {
    const [atMs, last] = [Date.parse(minute.at), slices.at(-1)];
    const isAfterHole = last !== undefined && atMs - minute.spanMs - last.atMs > HOLE_MS;
    if (isAfterHole) slices.push(holeAt(last.atMs + 1, lanes));
    slices.push({ ...minute, atMs, settled: lanes.map((name) => minute.settled[name] ?? 0) });
  }
  return slices;
}

function holeAt(atMs: number, lanes: readonly string[]): Slice {
  const none = { accepted: null, p50Ms: null, p99Ms: null, open: null, unknown: null };
  return { atMs, spanMs: 1, settled: lanes.map(() => null), ...none };
}

/** Choice between the last minutes, which come by themselves, and the last day, which is asked for. */
export class Day {
  minutes: readonly Minute[] = [];
  isChosen = false;
  readonly #onChange: () => void;
  readonly #buttons = document.querySelectorAll<HTMLButtonElement>("[data-shown]");

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    for (const button of this.#buttons) {
      button.addEventListener("click", () => void this.#choose(button.dataset["shown"] === "day"));
    }
    setInterval(() => {
      if (this.isChosen && !document.hidden) void this.#read();
    }, PERIOD_MS);
  }

  async #choose(isDay: boolean): Promise<void> {
    if (isDay) await this.#read();
    this.isChosen = isDay;
    for (const button of this.#buttons) {
      const isPressed = (button.dataset["shown"] === "day") === isDay;
      button.setAttribute("aria-pressed", String(isPressed));
    }
    this.#onChange();
  }

  /** Keeps what is known while the gateway is away for a moment. */
  async #read(): Promise<void> {
    const answer = await ask("/dashboard/history");
    if (!answer.ok) return;
    this.minutes = answer.value.minutes;
    this.#onChange();
  }
}
