/**
 * A histogram without labels, for what every payment observes: in numbers alone, and given the form that
 * prom-client's own has only when somebody reads it. That one writes a bound as text, twice, at each observation.
 */
import type { Metric } from "prom-client";

export type HistogramOptions = {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, included, the least first. */
  readonly buckets: readonly number[];
};

export class PlainHistogram {
  readonly name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  /** Observations in each bucket, and last those above all bounds. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor({ name, help, buckets }: HistogramOptions) {
    this.name = name;
    this.#help = help;
    this.#bounds = buckets;
    this.#counts = new Float64Array(buckets.length + 1);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    this.#counts[bucket]!++;
    this.#sum += value;
  }

  /** Itself, as a registry takes it: one asks a metric for its name and for `get`. */
  get metric(): Metric {
    return this as unknown as Metric;
  }

  async get() {
    const { name } = this;
    let count = 0;
    const buckets = [...this.#bounds, "+Inf"].map((le, at) => {
      count += this.#counts[at]!;
      return { metricName: `${name}_bucket`, labels: { le }, value: count };
    });
    const values = [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: this.#sum },
      { metricName: `${name}_count`, labels: {}, value: count },
    ];
    return { name, help: this.#help, type: "histogram", aggregator: "sum", values };
  }
}
