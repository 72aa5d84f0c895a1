/**
 * Meters what happens second by second, and keeps it for a while so that a new reader sees what led to
 * now. A payment costs it one addition; a second costs one row, and a sum into its minute.
 */
import { nextMultipleMs, type Clock } from "../../shared/clock.ts";
import type { LiveSecond, Quantiles } from "../../shared/http-api/live.ts";
import { SECONDS_KEPT } from "../live.ts";
import type { Lane } from "../lane.ts";
import { REST_MS } from "../ticker.ts";
import { Histogram } from "./histogram.ts";
import { Minutes } from "./minutes.ts";

const SECOND_MS = 1_000;
/** Number of the newest seconds that make up the quantiles shown as "now". */
const RECENT = 10;

type Open = { readonly count: number; readonly countByState: { readonly unknown: number } };

export class Meter {
  readonly seconds: LiveSecond[] = [];
  readonly minutes = new Minutes();
  readonly #clock: Clock;
  readonly #open: Open;
  readonly #lanes: readonly Lane[];
  readonly #stored: () => number;
  /** Histograms of the newest seconds; the second under way has `#current`. */
  readonly #recent: Histogram[] = [];
  #current = new Histogram();
  #startedAtMs: number;
  #number = 0;
  #accepted = 0;
  #settled: readonly number[];

  /** Starts to meter; `stored` counts the payments acknowledged since the start. */
  constructor(clock: Clock, open: Open, lanes: readonly Lane[], stored: () => number) {
    this.#clock = clock;
    this.#open = open;
    this.#lanes = lanes;
    this.#stored = stored;
    this.#startedAtMs = clock.steadyMs();
    this.#settled = this.#settledNow();
  }

  /** Observes how long after its arrival a payment has got its verdict from the journal. */
  durable(durationMs: number): void {
    this.#current.observe(durationMs);
  }

  get nextTickAtMs(): number {
    return this.#startedAtMs + SECOND_MS;
  }

  /** A second in which nothing happens may be shorter: it ends when the thread is awake anyway. */
  tick(): void {
    const nowMs = this.#clock.steadyMs();
    const spanMs = nowMs - this.#startedAtMs;
    const isOver = nowMs >= nextMultipleMs(SECOND_MS, this.#startedAtMs);
    const ends = spanMs >= SECOND_MS || (spanMs >= REST_MS && (isOver || this.#isQuiet));
    if (ends) this.#closeSecond(nowMs, spanMs);
  }

  /** Nothing has happened, and nothing is about to. */
  get #isQuiet(): boolean {
    return (
      this.#open.count === 0 && this.#stored() === this.#accepted && this.#settledSince() === 0
    );
  }

  #settledSince(): number {
    return this.#settledNow().reduce((sum, count, lane) => sum + count - this.#settled[lane]!, 0);
  }

  untilDurable(): Quantiles | null {
    const all = new Histogram();
    for (const second of this.#recent) all.add(second);
    const [p50Ms, p99Ms] = [all.quantileMs(0.5), all.quantileMs(0.99)];
    return p50Ms === null || p99Ms === null ? null : { p50Ms, p99Ms, payments: all.total };
  }

  #closeSecond(nowMs: number, spanMs: number): void {
    const stored = this.#stored();
    const settled = this.#settledNow();
    const second: LiveSecond = {
      number: ++this.#number,
      at: new Date(this.#clock.wallMs()).toISOString(),
      upMs: Math.round(nowMs),
      spanMs: Math.round(spanMs),
      accepted: stored - this.#accepted,
      settled: settled.map((count, lane) => count - (this.#settled[lane] as number)),
      p50Ms: this.#current.quantileMs(0.5),
      p99Ms: this.#current.quantileMs(0.99),
      open: this.#open.count,
      unknown: this.#open.countByState.unknown,
    };
    this.minutes.add(second, this.#current);
    this.seconds.push(second);
    if (this.seconds.length > SECONDS_KEPT) this.seconds.shift();
    this.#startedAtMs = nowMs;
    this.#accepted = stored;
    this.#settled = settled;
    this.#recent.push(this.#current);
    this.#current =
      this.#recent.length > RECENT ? (this.#recent.shift() as Histogram) : new Histogram();
    this.#current.clear();
  }
  #settledNow(): number[] {
    return this.#lanes.map(({ settled }) => settled);
  }
}
