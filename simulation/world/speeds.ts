/**
 * Judges what the worker believes of its processors' speed:
 *
 *   R17  it lies between the least and the most that a processor has shown since the worker's start
 *
 * A processor shows it by the time that each answer takes, and by what its health says. Before that 50 ms are
 * assumed.
 */
import type { Lane } from "../../worker/lane.ts";
import { LATENCY_MS_START } from "../../worker/router/lane.ts";
import type { Time } from "./time.ts";
import { Violation } from "./violation.ts";
import type { ChargeSeen } from "./wire.ts";

/** Sums of floats are no nearer. */
const ROUGHLY_MS = 0.001;

export type SpeedsOptions = {
  readonly time: Time;
  readonly places: number;
  /** The worker's lane for the processor at a wire; null while the worker is down. */
  readonly laneAt: (place: number) => Lane | null;
  /** Runs a check; a violation ends the run. */
  readonly watch: (check: () => void) => void;
};

export class Speeds {
  readonly #options: SpeedsOptions;
  /** The least and the most that each processor has shown since the start. */
  #shown: { leastMs: number; mostMs: number }[] = [];
  readonly #sentAtMs = new WeakMap<ChargeSeen, number>();

  constructor(options: SpeedsOptions) {
    this.#options = options;
  }

  onStart(): void {
    this.#shown = Array.from({ length: this.#options.places }, () => {
      return { leastMs: LATENCY_MS_START, mostMs: LATENCY_MS_START };
    });
  }

  /** The slowest of all that any processor has shown. */
  get mostMs(): number {
    return Math.max(...this.#shown.map(({ mostMs }) => mostMs));
  }

  /** Its health says how long it takes. */
  onReading(place: number, minResponseTimeMs: number): void {
    this.#show(place, minResponseTimeMs);
  }

  onCharge(charge: ChargeSeen): void {
    this.#sentAtMs.set(charge, this.#options.time.nowMs);
  }

  /** An answer, or the end of the wait for one, is about to be told to the worker. */
  onAnswer(charge: ChargeSeen): void {
    const { time, laneAt, watch } = this.#options;
    const { processor } = charge;
    const sentAtMs = this.#sentAtMs.get(charge);
    const lane = laneAt(processor);
    if (sentAtMs === undefined || lane === null) return;
    this.#show(processor, time.nowMs - sentAtMs);
    time.after(0, () => {
      if (laneAt(processor) === lane) watch(() => this.#check(processor, lane));
    });
  }

  #show(place: number, ms: number): void {
    const shown = this.#shown[place]!;
    shown.leastMs = Math.min(shown.leastMs, ms);
    shown.mostMs = Math.max(shown.mostMs, ms);
  }

  #check(place: number, { name, latencyMs }: Lane): void {
    const { leastMs, mostMs } = this.#shown[place]!;
    if (latencyMs >= leastMs - ROUGHLY_MS && latencyMs <= mostMs + ROUGHLY_MS) return;
    throw new Violation(
      `R17: ${name} has taken ${leastMs} to ${mostMs} ms, and ${latencyMs} ms are believed`,
    );
  }
}
