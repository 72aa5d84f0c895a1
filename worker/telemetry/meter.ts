/**
 * What happened second by second, kept for a while so that whoever starts to watch sees what led to
 * now. A payment costs it one addition; a second costs one row.
 */
import type { Clock } from "../../shared/clock.ts";
import type { LiveSecond, Quantiles } from "../../shared/http-api/live.ts";
import { SECONDS_KEPT } from "../live.ts";
import type { Books } from "../pipeline/books.ts";
import { Histogram } from "./histogram.ts";

const SECOND_MS = 1_000;
/** Of the newest seconds, how many make up the quantiles that are shown as "now". */
const RECENT = 10;

export class Meter {
  readonly seconds: LiveSecond[] = [];
  readonly #clock: Clock;
  readonly #books: Books;
  /** The newest seconds; the one under way is `#current`. */
  readonly #recent: Histogram[] = [];
  #current = new Histogram();
  #startedAtMs: number;
  #number = 0;
  #accepted = 0;
  #settled: readonly number[];

  constructor(clock: Clock, books: Books) {
    this.#clock = clock;
    this.#books = books;
    this.#startedAtMs = clock.steadyMs();
    this.#settled = [...books.settled];
  }

  /** A payment has got its verdict from the journal, so long after it came. */
  durable(durationMs: number): void {
    this.#current.observe(durationMs);
  }

  tick(): void {
    const nowMs = this.#clock.steadyMs();
    const spanMs = nowMs - this.#startedAtMs;
    if (spanMs >= SECOND_MS) this.#closeSecond(nowMs, spanMs);
  }

  untilDurable(): Quantiles | null {
    const all = new Histogram();
    for (const second of this.#recent) all.add(second);
    const [p50Ms, p99Ms] = [all.quantileMs(0.5), all.quantileMs(0.99)];
    return p50Ms === null || p99Ms === null ? null : { p50Ms, p99Ms, payments: all.total };
  }

  #closeSecond(nowMs: number, spanMs: number): void {
    const { verdicts, settled, countByState, openCount } = this.#books;
    this.seconds.push({
      number: ++this.#number,
      at: new Date(this.#clock.wallMs()).toISOString(),
      upMs: Math.round(nowMs),
      spanMs: Math.round(spanMs),
      accepted: verdicts.stored - this.#accepted,
      settled: settled.map((count, lane) => count - (this.#settled[lane] as number)),
      p50Ms: this.#current.quantileMs(0.5),
      p99Ms: this.#current.quantileMs(0.99),
      open: openCount,
      unknown: countByState.unknown,
    });
    if (this.seconds.length > SECONDS_KEPT) this.seconds.shift();
    this.#startedAtMs = nowMs;
    this.#accepted = verdicts.stored;
    this.#settled = [...settled];
    this.#recent.push(this.#current);
    this.#current =
      this.#recent.length > RECENT ? (this.#recent.shift() as Histogram) : new Histogram();
    this.#current.clear();
  }
}
