/**
 * Sums seconds up to minutes. A minute begins with the worker's start, not with the clock's: so the one
 * in which a worker ends is a short one, and nothing has to be put together after a restart.
 */
import type { LiveSecond } from "../../shared/http-api/live.ts";
import type { LiveMinute } from "../live.ts";
import { Histogram } from "./histogram.ts";

const MINUTE_MS = 60_000;
/** Minutes that are over and are kept for a reader, who comes every few seconds. */
const KEPT = 5;

export class Minutes {
  readonly #over: LiveMinute[] = [];
  /** The minute under way, and how long its payments took. */
  #now: LiveMinute | null = null;
  #durable = new Histogram();

  add(second: LiveSecond, durable: Histogram): void {
    this.#durable.add(durable);
    const [p50Ms, p99Ms] = [this.#durable.quantileMs(0.5), this.#durable.quantileMs(0.99)];
    const number = this.#now?.number ?? (this.#over.at(-1)?.number ?? 0) + 1;
    const minute = { ...sumOf(this.#now, second), number, p50Ms, p99Ms };
    this.#now = minute;
    if (minute.spanMs >= MINUTE_MS) this.#end(minute);
  }

  /** Number of minutes that have begun. */
  get begun(): number {
    return this.#now?.number ?? this.#over.at(-1)?.number ?? 0;
  }

  newest(): readonly LiveMinute[] {
    return this.#now === null ? [...this.#over] : [...this.#over, this.#now];
  }

  #end(minute: LiveMinute): void {
    this.#over.push(minute);
    if (this.#over.length > KEPT) this.#over.shift();
    this.#now = null;
    this.#durable.clear();
  }
}

function sumOf(minute: LiveMinute | null, second: LiveSecond): Omit<LiveMinute, "number"> {
  const { upMs: _, number: __, ...slice } = second;
  if (minute === null) return slice;
  return {
    ...slice,
    spanMs: minute.spanMs + slice.spanMs,
    accepted: minute.accepted + slice.accepted,
    settled: slice.settled.map((count, lane) => count + (minute.settled[lane] ?? 0)),
    open: Math.max(minute.open, slice.open),
    unknown: Math.max(minute.unknown, slice.unknown),
  };
}
